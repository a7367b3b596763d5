import { MillraceError } from '../errors.ts'
import type { DatabaseClient } from '../store/enqueue.ts'
import type { NewStep, NewWait, StepRow, StepStore, StoredStep, WaitKind } from '../store/steps.ts'
import { REPEATED, type Row } from './executor.ts'
import { completionJson } from './settle.ts'
import { date, dateOrNull, integer, json, text, textOrNull, timeColumn, timestamp } from './rows.ts'
import type { Database } from './schema.ts'

const STORE = 'select :schema.store_step($1::bigint, $2::bigint, $3::jsonb) as answer'
const COMPLETE = 'select :schema.settle_others($1::jsonb, $2::boolean)::text as answer'

export function stepVerbs(db: Database): StepStore {
  return {
    async loadSteps({ id, token }) {
      const rows = await db.query('select * from :schema.load_steps($1::bigint, $2::bigint)', [id, token], REPEATED)
      return rows.length === 0 ? 'lost' : rows.slice(1).map(storedStep)
    },
    async storeStep({ id, token, step, db: client }) {
      const values = [id, token, stepJson(step)]
      const answer =
        client === undefined ? await db.value(STORE, values, REPEATED) : await valueThrough(db, client, STORE, values)
      return answer === true ? 'settled' : 'lost'
    },
    async findStep({ id, token, key }) {
      const found = await db.value('select :schema.find_step($1::bigint, $2::bigint, $3::text)', [id, token, key])
      return found === 'd' ? 'stored' : found === 'n' ? 'absent' : 'lost'
    },
    async openWait({ id, token, wait }) {
      const opened = await db.value('select :schema.open_wait($1::bigint, $2::bigint, $3::jsonb)::text', [
        id,
        token,
        waitJson(wait),
      ])
      return opened === null ? 'lost' : openedWait(wait.key, json(opened))
    },
    async completeIn({ id, token, keepCompleted, db: client, ...brings }) {
      const rest = completionJson({ ...brings, hasSteps: true })
      const settlement = `[{"id":${id},"token":${token},"kind":"completed"${rest}}]`
      const lost = await valueThrough(db, client, COMPLETE, [settlement, keepCompleted])
      return lost === null ? 'settled' : 'lost'
    },
    async findCompletion({ id, token }) {
      const found = await db.value('select :schema.find_completion($1::bigint, $2::bigint)', [id, token])
      return found === 'd' ? 'completed' : found === 'n' ? 'open' : 'lost'
    },
    async listSteps({ id }) {
      return (await db.read(LIST, [id])).map(stepRow)
    },
  }
}

/** The column `answer` of the only row of a statement that runs on the caller's connection. */
export async function valueThrough(
  db: Database,
  client: DatabaseClient,
  template: string,
  values: unknown[],
): Promise<unknown> {
  const { rows } = await client.query(db.sql(template), values)
  const row: unknown = rows[0]
  if (typeof row === 'object' && row !== null && 'answer' in row) return row.answer
  throw new MillraceError(
    'OPTION_INVALID',
    '`db.query` answered in a shape that is not `{ rows: [{ answer }] }`. Pass a client whose rows are objects.',
    { details: { field: 'db' } },
  )
}

function stepJson({ key, attempt, tries, durationMs, outcome }: NewStep): string {
  const common = `"key":${JSON.stringify(key)},"attempt":${attempt},"tries":${tries},"duration_ms":${durationMs}`
  return outcome.kind === 'done'
    ? `{${common},"status":"d","rich":${outcome.result.codec === 'rich'},"result":${outcome.result.text}}`
    : `{${common},"status":"f","rich":false,"error":${outcome.error}}`
}

const KIND_LETTERS: Readonly<Record<WaitKind, string>> = { time: 't', token: 'w', signal: 'g', event: 'e' }

function waitJson({ key, kind, attempt, until, awaited, filter }: NewWait): string {
  const limit =
    until === null ? '' : 'at' in until ? `,"until":"${timestamp(until.at)}"` : `,"delay_ms":${until.delayMs}`
  return (
    `{"key":${JSON.stringify(key)},"kind":"${KIND_LETTERS[kind]}","attempt":${attempt}${limit}` +
    `${awaited === null ? '' : `,"awaited":${JSON.stringify(awaited)}`}${filter === null ? '' : `,"filter":${filter}`}}`
  )
}

const KINDS: Readonly<Record<string, StoredStep['kind']>> = {
  s: 'step',
  k: 'made_token',
  t: 'time',
  w: 'token',
  g: 'signal',
  e: 'event',
}

const STATUSES: Readonly<Record<string, StoredStep['status']>> = { d: 'done', f: 'failed', p: 'pending' }

function known<T>(value: T | undefined, what: unknown): T {
  if (value === undefined)
    throw new MillraceError('STORE_FAILED', `The database answered an unknown step: ${String(what)}.`)
  return value
}

/** Columns as in `load_steps`. */
function storedStep(row: Row): StoredStep {
  const [key, kind, status, rich, timedOut, awaited, tries, result] = row
  return {
    key: text(key),
    kind: known(KINDS[text(kind)], kind),
    status: known(STATUSES[text(status)], status),
    isTimedOut: timedOut === true,
    awaited: textOrNull(awaited),
    tries: integer(tries),
    result: result === null ? null : { text: text(result), codec: rich === true ? 'rich' : 'json' },
  }
}

function openedWait(key: string, opened: unknown): StoredStep | 'unknown_token' {
  const fields: Readonly<Record<string, unknown>> = typeof opened === 'object' && opened !== null ? { ...opened } : {}
  if (fields['unknown'] === true) return 'unknown_token'
  const { kind, status, rich, timed_out: timedOut, awaited, result } = fields
  const value = result === null ? null : JSON.stringify(result)
  return storedStep([key, kind, status, rich, timedOut, awaited ?? null, 1, value])
}

const LIST =
  'select s.key, s.kind::text, s.status::text, s.rich, s.timed_out, s.awaited, s.tries, s.result::text, s.attempt, ' +
  `${timeColumn('s.started_at')}, ${timeColumn('s.ended_at')}, ${timeColumn('s.wait_until')}, s.error::text ` +
  'from :schema.job_steps s where s.job_id = $1::bigint order by s.seq'

function stepRow(row: Row): StepRow {
  const [attempt, startedAt, endedAt, waitUntil, error] = row.slice(8)
  return {
    ...storedStep(row),
    attempt: integer(attempt),
    startedAt: date(startedAt),
    endedAt: dateOrNull(endedAt),
    waitUntil: dateOrNull(waitUntil),
    error: error === null ? null : json(error),
  }
}

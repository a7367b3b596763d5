import type { DatabaseClient } from '../store/enqueue.ts'
import type { DeliveryResult, SignalStore, StoredToken } from '../store/signal.ts'
import type { Row } from './executor.ts'
import { date, dateOrNull, integer, integerOrNull, strings, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'
import { valueThrough } from './steps.ts'

export function signalVerbs(db: Database): SignalStore {
  const run = (client: DatabaseClient | undefined, template: string, values: unknown[]): Promise<unknown> =>
    client === undefined ? db.value(template, values) : valueThrough(db, client, template, values)
  return {
    async createToken({ tokenId, timeoutMs, tags, jobId, db: client }) {
      await run(client, `select ${CREATE}, $4::bigint) as answer`, [tokenId, timeoutMs, tags, jobId ?? null])
    },
    async createJobToken({ id, token, tokenId, timeoutMs, tags, key, attempt }) {
      const made = await db.value(`select ${CREATE}, $4::bigint, $5::bigint, $6::text, $7::integer)`, [
        tokenId,
        timeoutMs,
        tags,
        id,
        token,
        key,
        attempt,
      ])
      return made === null ? 'lost' : { id: text(made) }
    },
    async completeToken({ tokenId, output, db: client }) {
      const values = [tokenId, output.text, output.codec === 'rich']
      return delivery(await run(client, COMPLETE, values))
    },
    async getToken({ tokenId }) {
      const [row] = await db.read(`${TOKEN} where t.id = $1::text`, [tokenId])
      return row === undefined ? null : storedToken(row)
    },
    async expireTokens() {
      for (let total = 0; ;) {
        const count = integer(
          await db.value('select :schema.expire_tokens(clock_timestamp(), $1::integer)', [MOST_EXPIRED]),
        )
        total += count
        if (count < MOST_EXPIRED) return total
      }
    },
    async signalJob({ id, name, data, db: client }) {
      return delivery(await run(client, SIGNAL, [id, name, data.text, data.codec === 'rich']))
    },
    async sendEvent({ name, data, db: client }) {
      return integer(await run(client, SEND, [name, data.text, data.codec === 'rich']))
    },
  }
}

const CREATE = ':schema.create_token($1::text, $2::double precision, $3::text[]'
// JSON goes as text: a caller's driver that knows the parameter for JSON, as postgres.js does, would encode the text once more.
const COMPLETE = 'select :schema.complete_token($1::text, $2::text::jsonb, $3::boolean) as answer'
const SIGNAL = 'select :schema.signal_job($1::bigint, $2::text, $3::text::jsonb, $4::boolean) as answer'
const SEND = 'select :schema.send_event($1::text, $2::text::jsonb, $3::boolean) as answer'

const MOST_EXPIRED = 1000

const TOKEN =
  `select t.id, t.job_id, t.status::text, t.rich, t.output::text, ${timeColumn('t.timeout_at')}, ${timeColumn('t.created_at')}, ` +
  `${timeColumn('t.completed_at')}, to_jsonb(t.tags)::text from :schema.tokens t`

function delivery(answer: unknown): DeliveryResult {
  return answer === 'changed' || answer === 'unchanged' ? answer : 'not_found'
}

function storedToken(row: Row): StoredToken {
  const [id, jobId, status, rich, output, timeoutAt, createdAt, completedAt, tags] = row
  return {
    id: text(id),
    jobId: integerOrNull(jobId),
    status: status === 'c' ? 'completed' : status === 't' ? 'timed_out' : 'waiting',
    output: output === null ? null : { text: text(output), codec: rich === true ? 'rich' : 'json' },
    timeoutAt: dateOrNull(timeoutAt),
    createdAt: date(createdAt),
    completedAt: dateOrNull(completedAt),
    tags: strings(tags),
  }
}

import type { EnqueueOptions, EnqueueResult, EnqueueStore, NewJob } from '../store/enqueue.ts'
import { MillraceError } from '../errors.ts'
import { REPEATED, type Row } from './executor.ts'
import { integer, integers, timestamp } from './rows.ts'
import type { Database } from './schema.ts'

const ADD =
  'select a.ids, array_to_json(a.created)::text, a.sleepers from :schema.add_jobs($1::jsonb, $2::bigint, $3::boolean) a'

const ADD_DEPENDENTS =
  'select a.ids, array_to_json(a.created)::text, a.sleepers, a.missing ' +
  'from :schema.add_dependents($1::jsonb, $2::bigint, $3::boolean, true, $4::boolean) a'

const ADD_PLAIN = 'select a.ids, null, a.sleepers from :schema.add_plain_jobs($1::jsonb, $2::bigint, $3::boolean) a'

const ADD_SAME =
  'select a.ids, null, a.sleepers from :schema.add_same_jobs($1::text, $2::jsonb, $3::integer, $4::bigint, $5::boolean) a'

const ADD_ONE = 'select :schema.add_plain_job($1::text, $2::jsonb, $3::integer, $4::bigint, $5::boolean)'

export function enqueueVerbs(db: Database): EnqueueStore {
  return {
    async enqueue(options) {
      const { jobs, db: caller } = options
      const { nonce = null, notify = false, forgetsCompleted = false } = options
      if (caller !== undefined) return addThrough(db, options)
      if (jobs.some(hasDependencies))
        return enqueueResult(
          await db.query(ADD_DEPENDENTS, [jobsJson(jobs), nonce, notify, forgetsCompleted], REPEATED),
        )
      if (!jobs.every(isPlain)) return enqueueResult(await db.query(ADD, [jobsJson(jobs), nonce, notify], REPEATED))
      const [first] = jobs
      if (first === undefined) return { ids: [], created: 'all', sleepers: false }
      if (jobs.length > 1) return enqueueResult(await addPlain(db, jobs, first, { nonce, notify }))
      const { jobType, payload, priority = 0 } = first
      const [row] = await db.query(ADD_ONE, [jobType, payload, priority, nonce, notify], REPEATED)
      // Negative: some worker sleeps and was not told.
      const id = integer(row?.[0])
      return { ids: [Math.abs(id)], created: 'all', sleepers: id < 0 }
    },
    async findEnqueued({ nonce, sinceId }) {
      // The add may still be under way: its connection is gone, which the server has not noticed. In a statement of its own, since
      // what this waits for is seen by the next one.
      await db.query('select pg_advisory_xact_lock($1::bigint)', [nonce])
      const ids = await db.value('select :schema.find_added($1::bigint, $2::bigint)', [nonce, sinceId])
      return ids === null ? null : integers(ids)
    },
    async wake({ priorities }) {
      const levels = priorities.join(',')
      await db.query('select pg_notify($1, $2)', [db.channel, levels.length < 1000 ? `r${levels}` : 'r'])
    },
  }
}

/** Through whatever client or ORM the caller brought: one statement, text parameters, one row of one text column. */
async function addThrough(db: Database, options: EnqueueOptions): Promise<EnqueueResult> {
  const { db: client, jobs, nonce, forgetsCompleted = false } = options
  if (!client) throw new MillraceError('OPTION_INVALID', '`db` is missing.')
  const values = [jobsJson(jobs), nonce === undefined ? null : String(nonce)]
  const answer = jobs.some(hasDependencies)
    ? await client.query(db.sql(DEPENDENTS_THROUGH), [...values, String(forgetsCompleted)])
    : await client.query(db.sql(JOBS_THROUGH), values)
  const parsed = addedOf(answer.rows[0])
  if (typeof parsed === 'object' && parsed !== null && 'missing' in parsed && Array.isArray(parsed.missing))
    refuseMissing(parsed.missing.map(integer))
  if (typeof parsed !== 'object' || parsed === null || !('ids' in parsed) || !Array.isArray(parsed.ids)) {
    throw new MillraceError(
      'OPTION_INVALID',
      `\`db.query\` answered ${jobs.length} added jobs in a shape that is not \`{ rows: [{ added }] }\`. Pass a client whose ` +
        '`query(text, values)` runs on your transaction, such as a `pg` client.',
      { details: { field: 'db' } },
    )
  }
  const created = 'created' in parsed ? parsed.created : null
  return { ids: parsed.ids.map(integer), created: flags(created), sleepers: false }
}

/** What the statement answered, in whatever shape the client makes of a row. */
function addedOf(row: unknown): unknown {
  const isObject = typeof row === 'object' && row !== null
  const added: unknown = Array.isArray(row) ? row[0] : isObject && 'added' in row ? row.added : undefined
  return typeof added === 'string' ? JSON.parse(added) : added
}

const JOBS_THROUGH =
  "select json_build_object('ids', a.ids, 'created', a.created)::text as added " +
  'from :schema.add_jobs($1::text::jsonb, $2::text::bigint, true) a'

const DEPENDENTS_THROUGH =
  "select json_build_object('ids', a.ids, 'created', a.created, 'missing', a.missing)::text as added " +
  'from :schema.add_dependents($1::text::jsonb, $2::text::bigint, true, false, $3::text::boolean) a'

function hasDependencies(job: NewJob): boolean {
  return job.dependsOn !== undefined
}

function refuseMissing(ids: readonly number[]): void {
  if (ids.length === 0) return
  const shown = ids.length > 20 ? `${ids.slice(0, 20).join(', ')}, …` : ids.join(', ')
  throw new MillraceError('JOB_NOT_FOUND', `dependsOn.jobIds: one or more job ids do not exist (${shown})`, {
    details: {
      field: 'dependsOn.jobIds',
      value: ids,
      remedy:
        'Pass ids that `addJob` has answered; for jobs of a transaction that is still open, add in the same transaction',
    },
  })
}

function addPlain(
  db: Database,
  jobs: readonly NewJob[],
  { jobType, priority = 0 }: NewJob,
  { nonce, notify }: { readonly nonce: number | null; readonly notify: boolean },
): Promise<readonly Row[]> {
  const isSame = jobs.every((job) => job.jobType === jobType && (job.priority ?? 0) === priority)
  return isSame
    ? db.query(ADD_SAME, [jobType, payloadsJson(jobs), priority, nonce, notify], REPEATED)
    : db.query(ADD_PLAIN, [jobsJson(jobs), nonce, notify], REPEATED)
}

function payloadsJson(jobs: readonly NewJob[]): string {
  let json = '['
  for (const { payload } of jobs) json += json === '[' ? payload : `,${payload}`
  return `${json}]`
}

/** What the short path of plain jobs can carry. */
const PLAIN: ReadonlySet<string> = new Set(['jobType', 'payload', 'priority'])

/** Whether a job has nothing but type, payload and priority. */
function isPlain(job: NewJob): boolean {
  for (const name in job) if (!PLAIN.has(name)) return false
  return true
}

function enqueueResult(rows: readonly (readonly unknown[])[]): EnqueueResult {
  const [ids, created, sleepers, missing] = rows[0] ?? []
  refuseMissing(integers(missing))
  return {
    ids: integers(ids),
    created: flags(typeof created === 'string' ? JSON.parse(created) : created),
    sleepers: sleepers === true,
  }
}

function flags(created: unknown): 'all' | ReadonlySet<number> {
  if (!Array.isArray(created)) return 'all'
  return new Set(created.flatMap((flag, index) => (flag === true ? [index] : [])))
}

/**
 * The batch as `add_jobs` takes it, built as text: a payload is JSON already and is not parsed again. Only what differs
 * from the default is sent.
 */
export function jobsJson(jobs: readonly NewJob[]): string {
  let json = '['
  for (const job of jobs) json += json === '[' ? jobJson(job) : `,${jobJson(job)}`
  return `${json}]`
}

/** One job as `add_jobs` takes it, as JSON text. */
export function jobJson(job: NewJob): string {
  return `{"job_type":${JSON.stringify(job.jobType)},"payload":${job.payload}${rest(job)}}`
}

/** The options of a job beyond type and payload: their names in SQL, and how their values are written. */
const FIELDS: readonly (readonly [name: string, write: (job: NewJob) => string | undefined])[] = [
  ['priority', (job) => (job.priority ? String(job.priority) : undefined)],
  ['run_at', (job) => job.runAt && `"${timestamp(job.runAt)}"`],
  ['max_attempts', (job) => number(job.maxAttempts)],
  ['timeout_ms', (job) => number(job.timeoutMs)],
  ['force_kill', (job) => (job.forceKillOnTimeout ? 'true' : undefined)],
  ['tags', (job) => job.tags && JSON.stringify(job.tags)],
  ['idempotency_key', (job) => quoted(job.idempotencyKey)],
  ['retry_delay', (job) => number(job.retryDelay)],
  ['retry_backoff', (job) => (job.retryBackoff === undefined ? undefined : String(job.retryBackoff))],
  ['retry_delay_max', (job) => number(job.retryDelayMax)],
  ['dead_letter_job_type', (job) => quoted(job.deadLetterJobType)],
  ['group_id', (job) => quoted(job.groupId)],
  ['group_tier', (job) => quoted(job.groupTier)],
  ['tenant_id', (job) => quoted(job.tenantId)],
  ['key_mode', (job) => (job.keyMode === 'preserveRunAt' ? '"preserve_run_at"' : quoted(job.keyMode))],
  ['key_scope', (job) => quoted(job.keyScope)],
  ['key_window_ms', (job) => number(job.keyWindowMs)],
  ['queue', (job) => quoted(job.queue)],
  ['queue_retries', (job) => quoted(job.queueRetries)],
  ['depends_on_job_ids', ({ dependsOn }) => dependsOn?.jobIds && `[${dependsOn.jobIds.join(',')}]`],
  ['depends_on_names', ({ dependsOn }) => dependsOn?.names && JSON.stringify(dependsOn.names)],
  ['depends_on_tags', ({ dependsOn }) => dependsOn?.tags && JSON.stringify(dependsOn.tags)],
  ['on_failure', ({ dependsOn }) => dependsOn?.onFailure && `"${dependsOn.onFailure === 'run' ? 'r' : 'w'}"`],
  ['rich', (job) => (job.codec === 'rich' ? 'true' : undefined)],
  ['trace', (job) => quoted(job.trace)],
]

function number(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}

function quoted(value: string | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function rest(job: NewJob): string {
  let json = ''
  for (const [name, write] of FIELDS) {
    const value = write(job)
    if (value !== undefined) json += `,"${name}":${value}`
  }
  return json
}

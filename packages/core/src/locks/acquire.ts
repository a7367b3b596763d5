import type { LockDataSource, LockQueryRunner, LockRow } from './data-source.ts'
import { checkDataSource, lockTable, rowsOf } from './data-source.ts'
import { keepAlive } from './heartbeat.ts'
import { createIndexes, createTable, JobStatus, STALE_JOB_THRESHOLD_MS } from './job-execution.ts'
import type { JobExecution } from './job-execution.ts'
import { checkDuration, checkName } from './check.ts'

/** What `preCheck` answers. */
export type PreCheckResult = { readonly skip: false } | { readonly skip: true; readonly reason: string }

/** What `acquireJobLock` takes besides the job type. */
export interface AcquireJobLockOptions<Manager = unknown> {
  /** Runs while the lock is held, in its transaction: whether there is anything to do. */
  readonly preCheck?: (manager: Manager) => PreCheckResult | Promise<PreCheckResult>
  /** How long a holder may be silent before it has lost the lock. Default `STALE_JOB_THRESHOLD_MS`; from 1000. */
  readonly staleAfterMs?: number
  /**
   * The period that this run stands for, such as `'2026-11'`: refused as `already_done` if another run for it has succeeded,
   * which a unique index sees to.
   */
  readonly periodKey?: string
}

/** Whether the lock was taken, and by which execution. */
export type JobLockResult =
  | { readonly acquired: true; readonly jobExecution: JobExecution }
  /** `reason`: `already_running`, `already_done`, or what `preCheck` gave. */
  | { readonly acquired: false; readonly reason: string }

/**
 * Takes the lock of a job type, so that it runs once at a time over all processes.
 *
 * The lock is a row whose status is `running`, of which a unique index admits one for each type. The process that took it
 * extends it by a timer, which keeps no process alive, until the row is saved with another status; a process that died has
 * lost it `staleAfterMs` after it was last heard of. However long a job takes, nobody joins it.
 *
 * @throws MillraceError `OPTION_INVALID` for a data source that is not PostgreSQL or not initialized, and for bad options; what
 *   `preCheck` or the database throws is thrown on, and nothing is locked then.
 */
export async function acquireJobLock<Manager = unknown>(
  dataSource: LockDataSource<Manager>,
  jobType: string,
  options: AcquireJobLockOptions<Manager> = {},
): Promise<JobLockResult> {
  const { preCheck, staleAfterMs = STALE_JOB_THRESHOLD_MS, periodKey } = options
  checkDataSource(dataSource)
  checkName('jobType', jobType)
  if (periodKey !== undefined) checkName('periodKey', periodKey)
  checkDuration('staleAfterMs', staleAfterMs)
  const runner = dataSource.createQueryRunner()
  try {
    await runner.connect()
    const table = lockTable(dataSource)
    await ensureTable(runner, table)
    await runner.startTransaction()
    const result = await acquire(runner, { table, jobType, preCheck, staleAfterMs, periodKey })
    await (result.acquired ? runner.commitTransaction() : runner.rollbackTransaction())
    if (result.acquired) keepAlive(dataSource, result.jobExecution, staleAfterMs)
    return result
  } catch (error) {
    // A connection that is gone cannot roll back, and need not.
    await runner.rollbackTransaction().catch(() => undefined)
    throw error
  } finally {
    await runner.release()
  }
}

/** How long a row holds that a program saved as running itself, which nobody extends. Two hours. */
const UNHELD_STALE_MS = 2 * 60 * 60_000

interface Wanted<Manager> {
  readonly table: string
  readonly jobType: string
  readonly preCheck: AcquireJobLockOptions<Manager>['preCheck']
  readonly staleAfterMs: number
  readonly periodKey: string | undefined
}

async function acquire<Manager>(
  runner: LockQueryRunner<Manager>,
  { table, jobType, preCheck, staleAfterMs, periodKey }: Wanted<Manager>,
): Promise<JobLockResult> {
  // One at a time for each type, from here to the end of the transaction. Only the holder changes anything then, by ending: asked for
  // before `preCheck`, which would else look at what was there before that end, and find the lock free after it.
  await runner.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))::text', [`${table} ${jobType}`])
  const held = await runner.query(
    `select 1 as found from ${table} where "jobType" = $1 and status = 'running'
       and coalesce("expiresAt", "startedAt" + $2::double precision * interval '1 ms') > clock_timestamp()`,
    [jobType, UNHELD_STALE_MS],
  )
  const checked = (await preCheck?.(runner.manager)) ?? { skip: false }
  if (checked.skip) return { acquired: false, reason: checked.reason }
  if (rowsOf(held).length > 0) return { acquired: false, reason: 'already_running' }
  await runner.query(
    `update ${table} set status = 'failure', "completedAt" = clock_timestamp(),
       "errorMessage" = 'the process that ran this job died, or was cut off'
     where "jobType" = $1 and status = 'running'
       and coalesce("expiresAt", "startedAt" + $2::double precision * interval '1 ms') <= clock_timestamp()`,
    [jobType, UNHELD_STALE_MS],
  )
  const inserted = await runner.query(
    `insert into ${table} ("jobType", status, "startedAt", "createdAt", "expiresAt", "periodKey")
     values ($1, 'running', clock_timestamp(), clock_timestamp(), clock_timestamp() + $2::double precision * interval '1 ms', $3::text)
     on conflict do nothing returning *`,
    [jobType, staleAfterMs, periodKey ?? null],
  )
  const row = rowsOf(inserted)[0]
  if (row !== undefined) return { acquired: true, jobExecution: execution(row) }
  const running = await runner.query(`select 1 as found from ${table} where "jobType" = $1 and status = 'running'`, [
    jobType,
  ])
  return { acquired: false, reason: rowsOf(running).length > 0 ? 'already_running' : 'already_done' }
}

async function ensureTable<Manager>(runner: LockQueryRunner<Manager>, table: string): Promise<void> {
  if (createIndexes(table, await indexesOf(runner, table)).length === 0) return
  await runner.startTransaction()
  try {
    // `if not exists` does not keep two processes from making the same thing at once.
    await runner.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))::text', [table])
    await runner.query(createTable(table))
    for (const statement of createIndexes(table, await indexesOf(runner, table))) await runner.query(statement)
    await runner.commitTransaction()
  } catch (error) {
    await runner.rollbackTransaction().catch(() => undefined)
    throw error
  }
}

/** Of this very table: an index of the same name on another is no lock. */
async function indexesOf<Manager>(runner: LockQueryRunner<Manager>, table: string): Promise<ReadonlySet<string>> {
  const rows = await runner.query(
    `select c.relname::text as name from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
     where i.indrelid = to_regclass($1)`,
    [table],
  )
  return new Set(rowsOf(rows).map((row) => String(row['name'])))
}

/** A row as the driver answers it, as the entity. */
export function execution(row: LockRow): JobExecution {
  return {
    id: Number(row['id']),
    jobType: String(row['jobType']),
    status: Object.values(JobStatus).find((status) => status === row['status']) ?? JobStatus.FAILURE,
    startedAt: date(row['startedAt']) ?? new Date(0),
    completedAt: date(row['completedAt']),
    errorMessage: text(row['errorMessage']),
    recordsProcessed: typeof row['recordsProcessed'] === 'number' ? row['recordsProcessed'] : null,
    reason: text(row['reason']),
    periodKey: text(row['periodKey']),
    createdAt: date(row['createdAt']) ?? new Date(0),
  }
}

function date(value: unknown): Date | null {
  return value instanceof Date ? value : null
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

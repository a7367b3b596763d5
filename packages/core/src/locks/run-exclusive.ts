import { refuseOption } from '../model/check.ts'
import { acquireJobLock, execution } from './acquire.ts'
import type { AcquireJobLockOptions } from './acquire.ts'
import type { LockDataSource } from './data-source.ts'
import { lockTable, rowsOf } from './data-source.ts'
import { JobStatus } from './job-execution.ts'
import type { JobExecution } from './job-execution.ts'
import { checkTimeout, withinTime } from './time-limit.ts'

const PERIODS = ['hour', 'day', 'week', 'month', 'year'] as const

/** A calendar period in UTC, by the database's clock. Weeks are those of ISO 8601. */
export type JobPeriod = (typeof PERIODS)[number]

/** What `runExclusive` takes besides the job type and the function. */
export interface RunExclusiveOptions<Manager = unknown> extends Omit<AcquireJobLockOptions<Manager>, 'periodKey'> {
  readonly dataSource: LockDataSource<Manager>
  /** At most one run succeeds in each; later ones are skipped as `already_done`. A failed run may be repeated. */
  readonly period?: JobPeriod
  /** Whether to run at all. Default: `isJobEnabled(jobType)`. */
  readonly enabled?: boolean
  /**
   * How long it may take, in milliseconds; then its signal fires, and it is closed as a failure without waiting for it, so that the
   * next run can begin. Default: any time.
   */
  readonly timeoutMs?: number
}

/** What a function under `runExclusive` is given. */
export interface ExclusiveRun {
  readonly jobExecution: JobExecution
  /** Fires when `timeoutMs` is over. */
  readonly signal: AbortSignal
}

/** What it may answer, to be recorded. */
export interface ExclusiveOutcome {
  readonly recordsProcessed?: number
  /** `no_op`: it ran and found nothing to do; the period stays open. */
  readonly status?: typeof JobStatus.SUCCESS | typeof JobStatus.NO_OP
  readonly reason?: string
}

/** What became of a call of `runExclusive`. */
export type ExclusiveResult =
  /** `reason`: `disabled`, `already_running`, `already_done`, or what `preCheck` gave. */
  | { readonly skipped: true; readonly reason: string }
  | {
      readonly skipped: false
      readonly jobExecutionId: number
      readonly status: JobStatus
      readonly recordsProcessed: number | null
      readonly errorMessage: string | null
      /** What the function threw. */
      readonly error?: unknown
    }

/**
 * Runs `fn` under the lock of a job type and always closes its execution: as a success, or as a failure with the message of what
 * it threw, which is answered and not thrown.
 *
 * @throws MillraceError as `acquireJobLock` does; also what the database throws when the execution cannot be closed.
 */
export async function runExclusive<Manager = unknown>(
  jobType: string,
  options: RunExclusiveOptions<Manager>,
  fn: (run: ExclusiveRun) => ExclusiveOutcome | void | Promise<ExclusiveOutcome | void>,
): Promise<ExclusiveResult> {
  const { dataSource, period, enabled = isJobEnabled(jobType), timeoutMs, ...lock } = options
  checkTimeout(timeoutMs)
  if (!enabled) return { skipped: true, reason: 'disabled' }
  const periodKey = period === undefined ? undefined : await currentPeriod(dataSource, period)
  const result = await acquireJobLock(dataSource, jobType, { ...lock, ...(periodKey && { periodKey }) })
  if (!result.acquired) return { skipped: true, reason: result.reason }
  const { jobExecution } = result
  let outcome: ExclusiveOutcome
  try {
    const what = `The job \`${jobType}\``
    outcome = (await withinTime({ what, timeoutMs }, (signal) => fn({ jobExecution, signal }))) ?? {}
  } catch (error) {
    const errorMessage = error instanceof Error ? error.message : String(error)
    return { ...(await close(dataSource, jobExecution, { status: JobStatus.FAILURE, errorMessage })), error }
  }
  // Outside: a success that could not be recorded is no failure of the function.
  return close(dataSource, jobExecution, { status: JobStatus.SUCCESS, ...outcome })
}

/** Whether the environment does not say `MY_JOB_ENABLED=false` of `MY_JOB` (of `my-job` and `myJob` likewise). */
export function isJobEnabled(
  jobType: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const name = jobType.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').replaceAll(/[^\w]+/g, '_')
  return env[`${name.toUpperCase()}_ENABLED`] !== 'false'
}

/** The latest execution of each type, newest first; of the types given, or of all. */
export async function latestJobExecutions(
  dataSource: LockDataSource,
  jobTypes?: readonly string[],
): Promise<JobExecution[]> {
  const table = lockTable(dataSource)
  const found = rowsOf(await dataSource.query('select to_regclass($1)::text as name', [table]))
  if (!found[0]?.['name']) return []
  const rows = await dataSource.query(
    `select * from (
       select distinct on ("jobType") * from ${table}
       where $1::jsonb is null or "jobType" in (select jsonb_array_elements_text($1::jsonb))
       order by "jobType", "startedAt" desc, id desc
     ) latest order by "startedAt" desc`,
    [jobTypes === undefined ? null : JSON.stringify(jobTypes)],
  )
  return rowsOf(rows).map(execution)
}

interface Ending {
  readonly status: JobStatus
  readonly recordsProcessed?: number
  readonly errorMessage?: string
  readonly reason?: string
}

/** An execution that was given up for dead meanwhile stays what it was closed as: somebody else may be running. */
async function close(
  dataSource: LockDataSource,
  { id }: JobExecution,
  { status, recordsProcessed, errorMessage, reason }: Ending,
): Promise<Exclude<ExclusiveResult, { skipped: true }>> {
  const answer = await dataSource.query(
    `update ${lockTable(dataSource)} set status = $2, "completedAt" = clock_timestamp(), "recordsProcessed" = $3::integer,
       "errorMessage" = left($4::text, 2000), reason = $5::text, "expiresAt" = null,
       "periodKey" = case when $2 = 'success' then "periodKey" end
     where id = $1 and status = 'running' returning *`,
    [id, status, recordsProcessed ?? null, errorMessage?.replaceAll('\0', '\uFFFD') ?? null, reason ?? null],
  )
  const [row] = rowsOf(answer)
  const closed = row === undefined ? lost : execution(row)
  return {
    skipped: false,
    jobExecutionId: id,
    status: closed.status,
    recordsProcessed: closed.recordsProcessed,
    errorMessage: closed.errorMessage,
  }
}

const lost = {
  status: JobStatus.FAILURE,
  recordsProcessed: null,
  errorMessage: 'this process was cut off for longer than its lock, and its execution was closed as a failure',
} as const

const PERIOD_FORMATS: Readonly<Record<JobPeriod, string>> = {
  hour: 'YYYY-MM-DD"T"HH24',
  day: 'YYYY-MM-DD',
  week: 'IYYY-"W"IW',
  month: 'YYYY-MM',
  year: 'YYYY',
}

async function currentPeriod(dataSource: LockDataSource, period: JobPeriod): Promise<string> {
  if (!PERIODS.includes(period)) refuseOption('period', period, `one of ${PERIODS.join(', ')}`, 'Use one of these')
  const answer = await dataSource.query(`select to_char(clock_timestamp() at time zone 'utc', $1::text) as period`, [
    PERIOD_FORMATS[period],
  ])
  return String(rowsOf(answer)[0]?.['period'])
}

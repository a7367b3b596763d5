/** How an execution stands. */
export const JobStatus = {
  RUNNING: 'running',
  SUCCESS: 'success',
  FAILURE: 'failure',
  /** Ran and found nothing to do. */
  NO_OP: 'no_op',
} as const
export type JobStatus = (typeof JobStatus)[keyof typeof JobStatus]

/**
 * The identifiers of job types. Any name is one: `JobType.MY_JOB` is `'MY_JOB'`, without an enum to extend and without a
 * migration for each.
 */
export const JobType: Readonly<Record<string, string>> = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (typeof name === 'string' ? name : undefined) },
)
export type JobType = string

/** A holder of the lock that is silent for so long has lost it. Ten seconds. */
export const STALE_JOB_THRESHOLD_MS = 10_000

/** One run of a job type: a row of `millrace_locks.job_execution`. */
export interface JobExecution {
  id: number
  jobType: string
  status: JobStatus
  startedAt: Date
  completedAt: Date | null
  /** At most 2000 characters are kept. */
  errorMessage: string | null
  recordsProcessed: number | null
  /** Why nothing was done. */
  reason: string | null
  /** The period that this execution stands for, such as `'2026-11'`; no other can be running or have succeeded for it. */
  periodKey: string | null
  createdAt: Date
}

/** A schema of its own: a migration generator looks at the application's. */
const SCHEMA = 'millrace_locks'

/** The table, as SQL names it. */
export const TABLE: string = `${SCHEMA}.job_execution`

/** Makes the table. Run under a lock: `if not exists` does not keep two processes from making the same thing at once. */
export const CREATE_TABLE: readonly string[] = [
  `create schema if not exists ${SCHEMA}`,
  `create table if not exists ${TABLE} (
     id serial primary key,
     "jobType" text not null,
     status text not null default 'running' check (status in ('running', 'success', 'failure', 'no_op')),
     "startedAt" timestamptz not null default now(),
     "completedAt" timestamptz,
     "errorMessage" text,
     "recordsProcessed" integer,
     reason text,
     "periodKey" text,
     "createdAt" timestamptz not null default now(),
     "expiresAt" timestamptz)`,
  `create index if not exists job_execution_latest on ${TABLE} ("jobType", "startedAt" desc)`,
  // The lock itself: what two racers can both have looked for, only one of them can insert.
  `create unique index if not exists job_execution_running on ${TABLE} ("jobType") where status = 'running'`,
  `create unique index if not exists job_execution_period on ${TABLE} ("jobType", "periodKey")
     where "periodKey" is not null and status <> 'failure'`,
]

/** What TypeORM needs to know of a column. */
interface ColumnOptions {
  readonly type: 'int' | 'text' | 'timestamptz'
  readonly primary?: true
  readonly generated?: true
  readonly nullable?: true
  readonly createDate?: true
  readonly default?: () => string
}

interface JobExecutionSchema {
  readonly '@instanceof': symbol
  readonly name: 'JobExecutionEntity'
  readonly options: {
    readonly name: 'JobExecutionEntity'
    readonly schema: string
    readonly tableName: string
    readonly synchronize: false
    readonly columns: { readonly [K in keyof JobExecution]: ColumnOptions }
  }
  /** Not there: it tells the compiler what a repository of this entity holds. */
  readonly type: JobExecution
}

/**
 * The entity of an execution, for `entities: [JobExecutionEntity]` and `getRepository(JobExecutionEntity)`: an `EntitySchema` of
 * TypeORM by structure, so that nothing here imports the library. Schema synchronization and generated migrations pass it by;
 * the table makes itself at the first lock.
 */
export const JobExecutionEntity: JobExecutionSchema = {
  // How the library tells its own objects apart, whichever copy of it made them.
  '@instanceof': Symbol.for('EntitySchema'),
  name: 'JobExecutionEntity',
  options: {
    name: 'JobExecutionEntity',
    schema: SCHEMA,
    tableName: 'job_execution',
    synchronize: false,
    columns: {
      id: { type: 'int', primary: true, generated: true },
      jobType: { type: 'text' },
      status: { type: 'text' },
      startedAt: { type: 'timestamptz', default: () => 'now()' },
      completedAt: { type: 'timestamptz', nullable: true },
      errorMessage: { type: 'text', nullable: true },
      recordsProcessed: { type: 'int', nullable: true },
      reason: { type: 'text', nullable: true },
      periodKey: { type: 'text', nullable: true },
      createdAt: { type: 'timestamptz', createDate: true },
    },
  },
} satisfies Omit<JobExecutionSchema, 'type'> as JobExecutionSchema

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

/** One run of a job type: a row of `millrace_job_execution`. */
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

/** Not `job_execution`: an application may have a table of that name already. */
export const TABLE_NAME = 'millrace_job_execution'

/** What the table is, where TypeORM has not made it: nothing that a schema built from the entity below would want to change. */
export function createTable(table: string): string {
  return `create table if not exists ${table} (
    id serial primary key,
    "jobType" text not null,
    status text not null,
    "startedAt" timestamptz not null default now(),
    "completedAt" timestamptz,
    "errorMessage" text,
    "recordsProcessed" integer,
    reason text,
    "periodKey" text,
    "createdAt" timestamptz not null default now(),
    "expiresAt" timestamptz,
    constraint ${STATUS_CHECK.name} check (${STATUS_CHECK.expression}))`
}

/** The statements that make the indexes of the table which are not among `existing`. */
export function createIndexes(table: string, existing: ReadonlySet<string>): readonly string[] {
  return INDEXES.filter(({ name }) => !existing.has(name)).map(({ name, columns, unique, where }) => {
    const names = columns.map((column) => `"${column}"`).join(', ')
    const condition = where === undefined ? '' : ` where ${where}`
    return `create ${unique === true ? 'unique ' : ''}index ${name} on ${table} (${names})${condition}`
  })
}

interface CheckOptions {
  readonly name: string
  readonly expression: string
}

const STATUS_CHECK: CheckOptions = {
  name: `${TABLE_NAME}_status`,
  expression: "status in ('running', 'success', 'failure', 'no_op')",
}

const CHECKS: CheckOptions[] = [STATUS_CHECK]

/** Arrays as the library's types have them: not read-only. */
interface IndexOptions {
  readonly name: string
  readonly columns: string[]
  readonly unique?: true
  readonly where?: string
}

const INDEXES: IndexOptions[] = [
  { name: `${TABLE_NAME}_latest`, columns: ['jobType', 'startedAt'] },
  // The lock itself: what two racers can both have looked for, only one of them can insert.
  { name: `${TABLE_NAME}_running`, columns: ['jobType'], unique: true, where: "status = 'running'" },
  {
    name: `${TABLE_NAME}_period`,
    columns: ['jobType', 'periodKey'],
    unique: true,
    where: `"periodKey" is not null and status <> 'failure'`,
  },
]

/** What TypeORM needs to know of a column. */
interface ColumnOptions {
  readonly type: 'int' | 'text' | 'timestamptz'
  /** As it is in the table, whatever naming strategy an application has. */
  readonly name: string
  readonly primary?: true
  readonly generated?: true
  readonly nullable?: true
  readonly createDate?: true
  readonly default?: () => string
  /** Whether it is read without being asked for. */
  readonly select?: false
}

interface JobExecutionSchema {
  readonly '@instanceof': symbol
  readonly name: 'JobExecutionEntity'
  readonly options: {
    readonly name: 'JobExecutionEntity'
    readonly tableName: string
    readonly columns: { readonly [K in keyof JobExecution | 'expiresAt']: ColumnOptions }
    readonly checks: CheckOptions[]
    readonly indices: IndexOptions[]
  }
  /** Not there: it tells the compiler what a repository of this entity holds. */
  readonly type: JobExecution
}

/**
 * The entity of an execution, for `entities: [JobExecutionEntity]` and `getRepository(JobExecutionEntity)`: an `EntitySchema` of
 * TypeORM by structure, so that nothing here imports the library. An entity like the application's own: `synchronize` and
 * generated migrations make its table, in the schema of the data source; where neither has, the first lock does.
 */
export const JobExecutionEntity: JobExecutionSchema = {
  // How the library tells its own objects apart, whichever copy of it made them.
  '@instanceof': Symbol.for('EntitySchema'),
  name: 'JobExecutionEntity',
  options: {
    name: 'JobExecutionEntity',
    tableName: TABLE_NAME,
    columns: {
      id: { name: 'id', type: 'int', primary: true, generated: true },
      jobType: { name: 'jobType', type: 'text' },
      status: { name: 'status', type: 'text' },
      startedAt: { name: 'startedAt', type: 'timestamptz', default: () => 'now()' },
      completedAt: { name: 'completedAt', type: 'timestamptz', nullable: true },
      errorMessage: { name: 'errorMessage', type: 'text', nullable: true },
      recordsProcessed: { name: 'recordsProcessed', type: 'int', nullable: true },
      reason: { name: 'reason', type: 'text', nullable: true },
      periodKey: { name: 'periodKey', type: 'text', nullable: true },
      createdAt: { name: 'createdAt', type: 'timestamptz', createDate: true },
      expiresAt: { name: 'expiresAt', type: 'timestamptz', nullable: true, select: false },
    },
    checks: CHECKS,
    indices: INDEXES,
  },
} satisfies Omit<JobExecutionSchema, 'type'> as JobExecutionSchema

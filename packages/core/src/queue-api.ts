import type { Explanation } from './model/explain.ts'
import type { JobEvent } from './model/event.ts'
import type { JobHandlers } from './model/handler.ts'
import type { JobRecord, JobStatus } from './model/job.ts'
import type { JobFilters, TagMode } from './model/filters.ts'
import type { TransactionClient } from './model/transaction.ts'
import type { EditJobOptions, JobOptions, JobType } from './model/options.ts'
import type { QueueEventListener, QueueEventName } from './observe/events.ts'
import type { MillraceHooks } from './observe/hooks.ts'
import type { PoolLike } from './postgres/pool.ts'
import type { Processor, ProcessorOptions } from './processor/processor.ts'
import type { AuditMethods } from './queue-audit.ts'
import type { FlowMethods } from './queue-flows.ts'
import type { LogMethods } from './queue-logs.ts'
import type { MetricsMethods } from './queue-metrics.ts'
import type { PauseMethods } from './queue-pauses.ts'
import type { RedisClientLike } from './queue-redis.ts'
import type { ScheduleMethods } from './queue-schedules.ts'
import type { SurveyMethods } from './queue-survey.ts'
import type { TransferMethods } from './queue-transfer.ts'
import type { WaitMethods } from './queue-waits.ts'
import type { CleanupJobsOptions } from './queue-work.ts'
import type { ModuleHandler, VersionedHandler } from './run/handler-entry.ts'
import type { ChangeResult } from './store/change.ts'
import type { DatabaseClient } from './store/enqueue.ts'
import type { QueueStats, WorkerRecord } from './store/inspect.ts'
import type { Supervisor, SupervisorOptions } from './supervisor/supervisor.ts'

/** What `addJob` and `addJobs` take besides jobs. */
export interface AddJobOptions {
  /** Adds inside the caller's transaction: anything whose `query(text, values)` runs on it, such as a `pg` client. */
  readonly db?: DatabaseClient | undefined
}

/** Ask a change to say what it did, instead of resolving with nothing. */
export interface WithResult {
  readonly result: true
}

/** What `searchJobs` takes besides the filters. */
export interface SearchJobsOptions {
  /** Jobs of a page, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
  /**
   * How many jobs are looked at in each part of the store (live, finished, failed), 100 to 1,000,000. Default 20,000, which takes some 50
   * milliseconds. What an index finds, such as a status or a tag, is found wherever it is.
   */
  readonly lookAt?: number | undefined
}

/** What `searchJobs` answers. */
export interface JobPage<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>> {
  /** Newest first. */
  readonly jobs: JobRecord<PayloadMap, T>[]
  /** For `cursor` of what comes next; `null`: that was all. */
  readonly nextCursor: number | null
}

/** What `redrive` takes besides the filters. */
export interface RedriveOptions {
  /** At most so many, oldest first, 1 to 100,000. Default 1000. */
  readonly limit?: number | undefined
}

/** Handlers as a processor takes them: one for each type of the map, as a function, a module to run in a thread, or with a version. */
export type ProcessorHandlers<PayloadMap> = {
  readonly [T in keyof PayloadMap]: JobHandlers<PayloadMap>[T] | ModuleHandler | VersionedHandler<PayloadMap[T]>
}

/** A raw PostgreSQL pool as callers use it. */
export interface RawPool extends PoolLike {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>
  end(): Promise<void>
}

/**
 * A queue: adds jobs, reads and changes them, and makes the processors that run them. Made by `initJobQueue`; the first
 * call opens the database and brings its schema up to date.
 *
 * Any call may reject with `STORE_UNAVAILABLE`, `STORE_TIMEOUT`, `STORE_FAILED`, `QUEUE_CLOSED`, or one of the `SCHEMA_…`
 * codes; bad input rejects with `OPTION_INVALID` naming the field, before anything is sent.
 */
export interface JobQueue<PayloadMap = Record<string, unknown>>
  extends
    AsyncDisposable,
    WaitMethods,
    FlowMethods<PayloadMap>,
    ScheduleMethods<PayloadMap>,
    PauseMethods,
    TransferMethods,
    LogMethods,
    AuditMethods<PayloadMap>,
    MetricsMethods,
    SurveyMethods<PayloadMap> {
  /**
   * Adds a job and resolves with its id. A job whose `idempotencyKey` exists already gives that job's id and changes
   * nothing. Calls made at the same time share a statement. Rejects with `PAYLOAD_INVALID` or `PAYLOAD_TOO_LARGE`.
   */
  addJob<T extends JobType<PayloadMap>>(job: JobOptions<PayloadMap, T>, options?: AddJobOptions): Promise<number>
  /** Adds all jobs or none, in one statement; their ids in input order. */
  addJobs<T extends JobType<PayloadMap>>(
    jobs: readonly JobOptions<PayloadMap, T>[],
    options?: AddJobOptions,
  ): Promise<number[]>

  getJob<T extends JobType<PayloadMap>>(id: number): Promise<JobRecord<PayloadMap, T> | null>
  /** Newest first. `limit` 1 to 10,000, default 100; with `filters.cursor` only ids below it, and `offset` is ignored. */
  getJobs<T extends JobType<PayloadMap>>(
    filters?: JobFilters<PayloadMap>,
    limit?: number,
    offset?: number,
  ): Promise<JobRecord<PayloadMap, T>[]>
  /**
   * A page of `getJobs` for whoever waits for it: ends after looking at a bounded number of jobs, also where few match, or none. Pass
   * `nextCursor` as `filters.cursor` for what comes next; fewer than `limit` jobs with a `nextCursor`: there may be more further down.
   */
  searchJobs<T extends JobType<PayloadMap>>(
    filters?: JobFilters<PayloadMap>,
    options?: SearchJobsOptions,
  ): Promise<JobPage<PayloadMap, T>>
  getJobsByStatus<T extends JobType<PayloadMap>>(
    status: JobStatus,
    limit?: number,
    offset?: number,
  ): Promise<JobRecord<PayloadMap, T>[]>
  getAllJobs<T extends JobType<PayloadMap>>(limit?: number, offset?: number): Promise<JobRecord<PayloadMap, T>[]>
  getJobsByTags<T extends JobType<PayloadMap>>(
    tags: readonly string[],
    mode?: TagMode,
    limit?: number,
    offset?: number,
  ): Promise<JobRecord<PayloadMap, T>[]>
  /** A job's history, oldest first; empty for an unknown job. */
  getJobEvents(id: number): Promise<JobEvent[]>
  /** Running processors of all processes. */
  getWorkers(): Promise<WorkerRecord[]>
  /** Why a job is not running, as data and as a text. Reads a bounded number of rows. */
  explain(id: number): Promise<Explanation>
  /** How many jobs each status holds, and what is ready now. Counts every live job: not for a hot path. */
  getStats(): Promise<QueueStats>

  /** Changes a job that has not started, or is between two attempts; otherwise nothing. */
  editJob<T extends JobType<PayloadMap>>(id: number, updates: EditJobOptions<PayloadMap, T>): Promise<void>
  editJob<T extends JobType<PayloadMap>>(
    id: number,
    updates: EditJobOptions<PayloadMap, T>,
    options: WithResult,
  ): Promise<ChangeResult>
  /** Changes all pending jobs that match; the number changed. */
  editAllPendingJobs<T extends JobType<PayloadMap>>(
    filters: JobFilters<PayloadMap> | undefined,
    updates: EditJobOptions<PayloadMap, T>,
  ): Promise<number>
  /** Cancels a job that is not finished. One that runs is told by its signal, within a second, in whatever process. */
  cancelJob(id: number): Promise<void>
  cancelJob(id: number, options: WithResult): Promise<ChangeResult>
  /** Cancels all pending jobs that match; the number cancelled. */
  cancelAllUpcomingJobs(filters?: JobFilters<PayloadMap>): Promise<number>
  /**
   * Makes a failed or cancelled job pending again under the same id; one whose attempts are used up gets one more. A
   * running one is taken from its worker, whose attempt then has no effect.
   */
  retryJob(id: number): Promise<void>
  retryJob(id: number, options: WithResult): Promise<ChangeResult>
  /** Makes dead letters pending again by filter, with their attempts reset; their ids. */
  redrive(filters?: JobFilters<PayloadMap>, options?: RedriveOptions): Promise<number[]>

  /** Takes back attempts older than `minutes` (default 10) whose worker is gone; their number. */
  reclaimStuckJobs(minutes?: number): Promise<number>
  /**
   * Deletes completed jobs older than `days` (default 30), or with `statuses` those that ended so; their number. One that failed or was
   * cancelled stays while another job waits for it.
   */
  cleanupOldJobs(days?: number, batchSize?: number, options?: CleanupJobsOptions): Promise<number>
  /** Drops the recorded trail of finished jobs older than `days` (default 30); the number of events dropped. */
  cleanupOldJobEvents(days?: number, batchSize?: number): Promise<number>

  /** Runs jobs in this process. Without handlers: those of `jobs` (`defineJobs`). */
  createProcessor(handlers?: ProcessorHandlers<PayloadMap>, options?: ProcessorOptions): Processor
  /** Housekeeping on an interval: stuck jobs, retention, partitions. */
  createSupervisor(options?: SupervisorOptions): Supervisor

  on<K extends QueueEventName>(event: K, listener: QueueEventListener<K>): void
  once<K extends QueueEventName>(event: K, listener: QueueEventListener<K>): void
  off<K extends QueueEventName>(event: K, listener: QueueEventListener<K>): void
  removeAllListeners(event?: QueueEventName): void
  /** For loggers, meters and tracers. */
  readonly hooks: MillraceHooks

  /** Opens the database and brings its schema up to date, which the first call does otherwise. */
  ready(): Promise<void>
  /** Brings the schema up to date, whatever `migrate` says; the names of what was applied. */
  migrate(): Promise<readonly string[]>
  /**
   * Runs `fn` in one transaction; `{ db: tx }` adds jobs in it. It is rolled back when `fn` throws, or runs longer than
   * `timeoutMs` (default 5000; `TRANSACTION_TIMEOUT`).
   */
  transaction<T>(fn: (tx: TransactionClient) => Promise<T>, options?: { readonly timeoutMs?: number }): Promise<T>
  /**
   * The raw pool: what was given as `pool`, else a `pg.Pool`. Throws unless the backend is PostgreSQL.
   *
   * @typeParam P - Its type, where the caller needs more of it: `const pool: pg.Pool = queue.getPool()`.
   */
  getPool<P extends RawPool = RawPool>(): P
  /**
   * The ioredis client: the caller's own, or one beside the queue's own that connects at its first command. Ending that one
   * (`quit`, `disconnect`) closes the queue.
   *
   * @typeParam C - Its type, where the caller needs more of it: `const client: Redis = queue.getRedisClient()`.
   * @throws MillraceError `FEATURE_UNSUPPORTED` on another backend, `REDIS_MISSING` without `@millrace/redis`.
   */
  getRedisClient<C extends RedisClientLike = RedisClientLike>(): C
  /** One row per impossible thing that is stored; empty when all is well. Reads every live row. */
  checkInvariants(): Promise<readonly { readonly invariant: string; readonly detail: string }[]>
  /** Drains what runs here (at most `drainMs`, default 30,000), then closes what the queue opened itself. */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

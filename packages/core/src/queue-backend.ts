import type { JobEvent, JobEventType } from './model/event.ts'
import type { JobFilters, TagMode } from './model/filters.ts'
import type { CreateTokenOptions, WaitToken } from './model/handler.ts'
import type { FailureReason, JobRecord } from './model/job.ts'
import type { AnyEditOptions, JobOptions, JobType } from './model/options.ts'
import { validateSchemaName } from './postgres/connection.ts'
import type { PoolLike } from './postgres/pool.ts'
import type { AddJobOptions } from './queue-api.ts'
import { type HeldJobs, heldJobs, type WaitJobOptions } from './queue-backend-jobs.ts'
import type { ScheduleBackendMethods } from './queue-backend-schedules.ts'
import type { TokenRecord } from './queue-waits.ts'

type Jobs<PayloadMap, T extends JobType<PayloadMap>> = Promise<JobRecord<PayloadMap, T>[]>

/** What code that claims and settles jobs itself, without a processor, works with: DataQueue's storage interface. */
export interface QueueBackend extends ScheduleBackendMethods {
  addJob<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    job: JobOptions<PayloadMap, T>,
    options?: AddJobOptions,
  ): Promise<number>
  addJobs<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    jobs: readonly JobOptions<PayloadMap, T>[],
    options?: AddJobOptions,
  ): Promise<number[]>
  getJob<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    id: number,
  ): Promise<JobRecord<PayloadMap, T> | null>
  getJobs<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    filters?: JobFilters,
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T>
  getJobsByStatus<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    status: string,
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T>
  getAllJobs<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T>
  getJobsByTags<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    tags: readonly string[],
    mode?: TagMode,
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T>
  getJobEvents(jobId: number): Promise<JobEvent[]>
  /** Claims at most `batchSize` (default 10) ready jobs; in the order they should start. */
  getNextBatch<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    workerId: string,
    batchSize?: number,
    jobType?: string | readonly string[],
    groupConcurrency?: number,
  ): Jobs<PayloadMap, T>
  /** Completes a claimed job; one that is not held any more is left alone. Without `output`, one set earlier stays. */
  completeJob(jobId: number, output?: unknown): Promise<void>
  /** Fails a claimed job, or one that nobody runs, by the usual rules of retry and dead letter. */
  failJob(jobId: number, error: Error, failureReason?: FailureReason): Promise<void>
  /** Records that the job needs longer, and extends the lease of its worker. */
  prolongJob(jobId: number): Promise<void>
  retryJob(jobId: number): Promise<void>
  cancelJob(jobId: number): Promise<void>
  cancelAllUpcomingJobs(filters?: JobFilters): Promise<number>
  editJob(jobId: number, updates: AnyEditOptions): Promise<void>
  editAllPendingJobs(filters: JobFilters | undefined, updates: AnyEditOptions): Promise<number>
  cleanupOldJobs(daysToKeep?: number, batchSize?: number): Promise<number>
  cleanupOldJobEvents(daysToKeep?: number, batchSize?: number): Promise<number>
  reclaimStuckJobs(maxProcessingTimeMinutes?: number): Promise<number>
  /** Stores the progress, 0 to 100, of a claimed job. Never rejects. */
  updateProgress(jobId: number, progress: number): Promise<void>
  /** Stores an output of a claimed job before it completes. Never rejects. */
  updateOutput(jobId: number, output: unknown): Promise<void>
  /** Does nothing: the history follows from what happens to a job and cannot be written by hand. */
  recordJobEvent(jobId: number, eventType: JobEventType, metadata?: unknown): Promise<void>
  /** Suspends a claimed job until a time or a token's completion. */
  waitJob(jobId: number, options: WaitJobOptions): Promise<void>
  /** Stores the steps among `stepData`, those that are `{ __completed: true, result }`; what is stored stays. */
  updateStepData(jobId: number, stepData: Readonly<Record<string, unknown>>): Promise<void>
  createWaitpoint(jobId: number | null, options?: CreateTokenOptions): Promise<WaitToken>
  completeWaitpoint(tokenId: string, data?: unknown): Promise<void>
  getWaitpoint(tokenId: string): Promise<TokenRecord | null>
  expireTimedOutWaitpoints(): Promise<number>
  /** Says of all pending jobs, or those of the given types, why nobody runs them. */
  setPendingReasonForUnpickedJobs(reason: string, jobType?: string | readonly string[]): Promise<void>
}

/** What `new PostgresBackend` takes besides the pool. */
export interface PostgresBackendOptions {
  /** The schema that holds the instance. Default `millrace`. */
  readonly schema?: string | undefined
}

/**
 * Claims and settles jobs by hand, over a pool of the caller's, which is never ended. A processor does all of this by
 * itself, with a lease kept alive in the background; prefer one.
 *
 * A claim is fenced: it is settled by whoever made it, and only while nobody took it back. All backends over one pool
 * object count as one claimer, so a `new PostgresBackend(pool)` for every call works; another pool or process cannot settle
 * what this one claimed. Each worker id holds a lease of ten minutes, which every call that claims, settles or reports for
 * it extends: after ten minutes of silence its jobs go to others. `groupConcurrency` is a property of the worker id, and
 * the smallest among live workers holds for all.
 */
export class PostgresBackend implements QueueBackend {
  readonly #jobs: HeldJobs
  /** For everything that needs no lease. */
  readonly #queue: QueueBackend

  readonly addCronSchedule: ScheduleBackendMethods['addCronSchedule']
  readonly getCronSchedule: ScheduleBackendMethods['getCronSchedule']
  readonly getCronScheduleByName: ScheduleBackendMethods['getCronScheduleByName']
  readonly listCronSchedules: ScheduleBackendMethods['listCronSchedules']
  readonly removeCronSchedule: ScheduleBackendMethods['removeCronSchedule']
  readonly pauseCronSchedule: ScheduleBackendMethods['pauseCronSchedule']
  readonly resumeCronSchedule: ScheduleBackendMethods['resumeCronSchedule']
  readonly editCronSchedule: ScheduleBackendMethods['editCronSchedule']
  readonly getDueCronSchedules: ScheduleBackendMethods['getDueCronSchedules']
  readonly updateCronScheduleAfterEnqueue: ScheduleBackendMethods['updateCronScheduleAfterEnqueue']

  constructor(pool: PoolLike, options: PostgresBackendOptions = {}) {
    this.#jobs = heldJobs(pool, validateSchemaName(options.schema ?? 'millrace'))
    // The queue's payload map is that of its type, the backend's that of each call; at run time there is none.
    this.#queue = this.#jobs.queue as unknown as QueueBackend
    const { schedules } = this.#jobs
    this.addCronSchedule = schedules.addCronSchedule
    this.getCronSchedule = schedules.getCronSchedule
    this.getCronScheduleByName = schedules.getCronScheduleByName
    this.listCronSchedules = schedules.listCronSchedules
    this.removeCronSchedule = schedules.removeCronSchedule
    this.pauseCronSchedule = schedules.pauseCronSchedule
    this.resumeCronSchedule = schedules.resumeCronSchedule
    this.editCronSchedule = schedules.editCronSchedule
    this.getDueCronSchedules = schedules.getDueCronSchedules
    this.updateCronScheduleAfterEnqueue = schedules.updateCronScheduleAfterEnqueue
  }

  addJob<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    job: JobOptions<PayloadMap, T>,
    options?: AddJobOptions,
  ): Promise<number> {
    return this.#queue.addJob(job, options)
  }

  addJobs<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    jobs: readonly JobOptions<PayloadMap, T>[],
    options?: AddJobOptions,
  ): Promise<number[]> {
    return this.#queue.addJobs(jobs, options)
  }

  getJob<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    id: number,
  ): Promise<JobRecord<PayloadMap, T> | null> {
    return this.#queue.getJob(id)
  }

  getJobs<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    filters?: JobFilters,
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T> {
    return this.#queue.getJobs(filters, limit, offset)
  }

  getJobsByStatus<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    status: string,
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T> {
    return this.#queue.getJobsByStatus(status, limit, offset)
  }

  getAllJobs<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T> {
    return this.#queue.getAllJobs(limit, offset)
  }

  getJobsByTags<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    tags: readonly string[],
    mode?: TagMode,
    limit?: number,
    offset?: number,
  ): Jobs<PayloadMap, T> {
    return this.#queue.getJobsByTags(tags, mode, limit, offset)
  }

  getJobEvents(jobId: number): Promise<JobEvent[]> {
    return this.#queue.getJobEvents(jobId)
  }

  retryJob(jobId: number): Promise<void> {
    return this.#queue.retryJob(jobId)
  }

  cancelJob(jobId: number): Promise<void> {
    return this.#queue.cancelJob(jobId)
  }

  cancelAllUpcomingJobs(filters?: JobFilters): Promise<number> {
    return this.#queue.cancelAllUpcomingJobs(filters)
  }

  editJob(jobId: number, updates: AnyEditOptions): Promise<void> {
    return this.#queue.editJob(jobId, updates)
  }

  editAllPendingJobs(filters: JobFilters | undefined, updates: AnyEditOptions): Promise<number> {
    return this.#queue.editAllPendingJobs(filters, updates)
  }

  cleanupOldJobs(daysToKeep?: number, batchSize?: number): Promise<number> {
    return this.#queue.cleanupOldJobs(daysToKeep, batchSize)
  }

  cleanupOldJobEvents(daysToKeep?: number, batchSize?: number): Promise<number> {
    return this.#queue.cleanupOldJobEvents(daysToKeep, batchSize)
  }

  reclaimStuckJobs(maxProcessingTimeMinutes?: number): Promise<number> {
    return this.#queue.reclaimStuckJobs(maxProcessingTimeMinutes)
  }

  async getNextBatch<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>>(
    workerId: string,
    batchSize = 10,
    jobType?: string | readonly string[],
    groupConcurrency?: number,
  ): Jobs<PayloadMap, T> {
    const jobTypes = typeof jobType === 'string' ? [jobType] : jobType
    return (await this.#jobs.claim({ workerId, limit: batchSize, jobTypes, groupConcurrency })) as never
  }

  completeJob(jobId: number, output?: unknown): Promise<void> {
    return this.#jobs.complete(jobId, output)
  }

  failJob(jobId: number, error: Error, failureReason?: FailureReason): Promise<void> {
    return this.#jobs.fail(jobId, error, failureReason)
  }

  prolongJob(jobId: number): Promise<void> {
    return this.#jobs.report(jobId, { prolongedMs: 0 })
  }

  updateProgress(jobId: number, progress: number): Promise<void> {
    return this.#jobs.reportQuietly(jobId, { progress: Math.round(progress) })
  }

  updateOutput(jobId: number, output: unknown): Promise<void> {
    return this.#jobs.reportQuietly(jobId, { output })
  }

  waitJob(jobId: number, options: WaitJobOptions): Promise<void> {
    return this.#jobs.wait(jobId, options)
  }

  /** Never rejects. */
  async updateStepData(jobId: number, stepData: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#jobs.remember(jobId, stepData).catch(() => undefined)
  }

  createWaitpoint(jobId: number | null, options?: CreateTokenOptions): Promise<WaitToken> {
    return this.#jobs.createToken(jobId, options)
  }

  completeWaitpoint(tokenId: string, data?: unknown): Promise<void> {
    return this.#jobs.queue.completeToken(tokenId, data)
  }

  getWaitpoint(tokenId: string): Promise<TokenRecord | null> {
    return this.#jobs.queue.getToken(tokenId)
  }

  expireTimedOutWaitpoints(): Promise<number> {
    return this.#jobs.queue.expireTimedOutTokens()
  }

  async recordJobEvent(_jobId: number, _eventType: JobEventType, _metadata?: unknown): Promise<void> {}

  setPendingReasonForUnpickedJobs(reason: string, jobType?: string | readonly string[]): Promise<void> {
    return this.#jobs.setPendingReason(reason, typeof jobType === 'string' ? [jobType] : jobType)
  }

  /** Hands back what is still claimed through this pool, without using up the attempts, and forgets it. */
  close(): Promise<void> {
    return this.#jobs.close()
  }
}

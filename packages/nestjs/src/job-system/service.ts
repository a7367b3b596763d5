import {
  type BeforeApplicationShutdown,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common'
import { initJobQueue, type JobQueue, MillraceError, type Processor } from 'millrace'
import { fromTypeOrm } from 'millrace/tx'
import type { DataSource, EntityManager } from 'typeorm'
import { poolOf } from '../data-source.ts'
import { healthOf, type HealthOptions, type MillraceHealth } from '../health.ts'
import { warnWithoutShutdownHooks } from '../shutdown-hooks.ts'
import { JobSystemDatabase } from './database.ts'
import { DEFAULT_SCHEMA, type JobEntity, type JobSystemStatus } from './job-entity.ts'
import type { JobContextFactory, JobHandlerFactory } from './job-handler.ts'
import { type Envelope, jobOptions, type RegisterJobInput } from './job-input.ts'
import { jobStatus, type JobSystemJobStatus } from './job-status.ts'
import { JobTypeRegistry, type RegisterOptions } from './registry.ts'
import { runJob } from './run-job.ts'

/** What `JobSystemModule.forRoot` takes beside the connection. */
export interface JobSystemSettings {
  /** The schema of the instance; two applications in one database that must not share jobs have one each. Default `millrace`. */
  readonly schema?: string | undefined
  /** Whether this process runs jobs. With `false`, `startCheckingJobs` does nothing. Default `true`. */
  readonly run?: boolean | undefined
  /** Jobs running at once in this process. Default: one for each type, at least 10. */
  readonly concurrency?: number | undefined
  /** How long a shutdown waits for running jobs, in milliseconds; then they are handed back. Default 30,000. */
  readonly drainMs?: number | undefined
  /** `'check'` makes no tables and views by itself and fails if they are not there. Default `'auto'`. */
  readonly migrate?: 'auto' | 'check' | undefined
  /** A worker silent for so long loses its jobs to others. Milliseconds, from 2000. Default 30,000. */
  readonly leaseMs?: number | undefined
}

/** `registerJob` in a transaction of the caller. */
export interface RegisterJobOptions {
  /** The manager of `dataSource.transaction(async (manager) => …)`: the job is there if and only if it commits. */
  readonly manager?: EntityManager | undefined
}

/** A job's id, or the job. */
export type JobReference = string | Pick<JobEntity, 'id'>

const DEFAULT_CONCURRENCY = 10
const DEFAULT_DRAIN_MS = 30_000

/**
 * Registers, runs and tells of jobs. It begins to work when the application has started, with whatever is registered by then; what
 * is registered later joins in. Jobs of one type run one at a time over all processes.
 */
export class JobSystemService
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #settings: JobSystemSettings
  readonly #queue: JobQueue<Record<string, Envelope>>
  readonly #database: JobSystemDatabase
  readonly #registry = new JobTypeRegistry()
  readonly #logger = new Logger('JobSystem')
  readonly #warned = new Set<string>()
  readonly #stopped: Processor[] = []
  #prepared: Promise<void> | undefined
  #processor: Processor | undefined
  #isBootstrapped = false
  #isShutDown = false
  #refresh: NodeJS.Immediate | undefined

  /** @throws MillraceError `NOT_YET` for a data source that is not on PostgreSQL; `OPTION_INVALID` */
  constructor(source: DataSource, settings: JobSystemSettings = {}) {
    const { schema = DEFAULT_SCHEMA, migrate = 'auto', leaseMs } = settings
    this.#settings = settings
    this.#queue = initJobQueue({ pool: poolOf(source), schema, migrate, leaseMs })
    this.#database = new JobSystemDatabase(source, { schema, migrate })
  }

  /** The queue underneath, for what the job system has no word for. */
  get queue(): JobQueue {
    return this.#queue
  }

  // Registering.

  /** @throws MillraceError `HANDLER_EXISTS` for a type that has one, unless `override` is set */
  registerJobHandler(type: string, factory: JobHandlerFactory, options?: RegisterOptions): void {
    this.#registry.addHandler(type, factory, options)
    this.#registeredLate()
  }

  /** @throws MillraceError `HANDLER_EXISTS` for a type that has one, unless `override` is set */
  registerContextFactory(type: string, factory: JobContextFactory, options?: RegisterOptions): void {
    this.#registry.addContext(type, factory, options)
    this.#registeredLate()
  }

  /** Nothing depends on this call: jobs begin to run when the application has started, whoever calls it, and how often. */
  startCheckingJobs(): void {
    this.#registeredLate()
  }

  /**
   * Runs the jobs that are due, at most ten, and resolves with their number when they have ended. A process that runs jobs does that
   * by itself; this is for one that does not, such as a function called by a timer.
   */
  async scheduleDueJobs(): Promise<number> {
    await this.#open()
    const fault = this.#registry.fault
    if (fault !== undefined) throw fault
    return this.#createProcessor().start()
  }

  /** Adds a job, and answers it. With `runImmediately` it begins at once, in this process if that runs jobs. */
  async registerJob(input: RegisterJobInput, options: RegisterJobOptions = {}): Promise<JobEntity> {
    const job = jobOptions(input)
    await this.#open()
    await this.#warnUnhandled(job.jobType)
    const { manager } = options
    const id = await this.#queue.addJob(job, manager === undefined ? {} : { db: fromTypeOrm(manager) })
    const added = await this.#database.read(id, manager)
    if (added === null) throw new MillraceError('JOB_NOT_FOUND', `The job ${id} was deleted as soon as it was added.`)
    return added
  }

  // Reading. An id that is no id of this system, such as a UUID of the one before it, is one that nothing is found under.

  async getJob(job: JobReference): Promise<JobEntity | null> {
    const id = idOf(job)
    if (id === undefined) return null
    await this.#open()
    return this.#database.find(id)
  }

  async getJobStatus(job: JobReference): Promise<JobSystemJobStatus | null> {
    const found = await this.getJob(job)
    return found === null ? null : jobStatus(found, new Date())
  }

  getRunningJobByType(type: string): Promise<JobEntity | null> {
    return this.#newest(type, 'processing')
  }

  getLatestJobByType(type: string): Promise<JobEntity | null> {
    return this.#newest(type)
  }

  // Changing.

  /**
   * Cancels a job: one that waits never runs; one that runs is told by `isCancelled` and its signal within a second, in whatever process,
   * and is taken for stopped 5 seconds later. False: there is no such job, or it has ended.
   */
  async cancelJob(job: JobReference, canceledBy?: string): Promise<boolean> {
    const id = idOf(job)
    if (id === undefined || (await this.getJob(job)) === null) return false
    if (canceledBy !== undefined) await this.#database.markCanceled(id, canceledBy)
    const result = await this.#queue.cancelJob(id, { result: true })
    return result === 'changed' || result === 'requested'
  }

  /** Hides a job from every read; one that has not begun never runs. False: there is nothing to hide. */
  async softDeleteJob(job: JobReference): Promise<boolean> {
    const id = idOf(job)
    if (id === undefined) return false
    await this.#open()
    return this.#database.softDelete(id)
  }

  /** Ends a running job as a success with this text as its `result`. Whatever its handler does then has no effect. False: it does not run. */
  SucceedJobWithJsonString(job: JobReference, jsonString?: string): Promise<boolean> {
    return this.#end(job, 'success', jsonString)
  }

  /** Ends a running job as failed with this text as its `error`. Whatever its handler does then has no effect. False: it does not run. */
  failJobWithJsonString(job: JobReference, jsonString: string): Promise<boolean> {
    return this.#end(job, 'failure', jsonString)
  }

  /** Whether jobs are being worked, for `HealthCheckService.check([() => jobSystem.isHealthy('jobs')])` of `@nestjs/terminus`. */
  isHealthy<Key extends string = 'jobs'>(
    key: Key,
    options: Omit<HealthOptions, 'instance'> = {},
  ): Promise<MillraceHealth<Key>> {
    const processor = this.#processor
    const running = { isRunning: processor?.isRunning() === true, isExpectedToRun: processor !== undefined }
    return healthOf(key, { queue: this.#queue, ...running }, options)
  }

  // The life of the application.

  async onModuleInit(): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      await this.#queue.close()
      throw error
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    const fault = this.#registry.fault
    if (fault !== undefined) {
      await this.#queue.close()
      throw fault
    }
    this.#queue.on('error', (error) => this.#logger.error(error.message, error.stack))
    this.#isBootstrapped = true
    if (this.#settings.run !== false) warnWithoutShutdownHooks(this.#queue, this.#logger)
    this.#start()
    if (this.#processor !== undefined) await this.#warnWaiting()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isShutDown = true
    clearImmediate(this.#refresh)
    const processors = [...this.#stopped, ...(this.#processor === undefined ? [] : [this.#processor])]
    await Promise.all(processors.map((one) => one.stopAndDrain(this.#settings.drainMs ?? DEFAULT_DRAIN_MS)))
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#queue.close()
  }

  /** The database with tables and views; a failure is not remembered. */
  #open(): Promise<void> {
    this.#prepared ??= this.#queue
      .ready()
      .then(() => this.#database.prepare())
      .catch((error: unknown) => {
        this.#prepared = undefined
        throw error
      })
    return this.#prepared
  }

  /** Registrations after the start come in several calls: the worker is renewed once, after the last of them. */
  #registeredLate(): void {
    if (!this.#isBootstrapped || this.#isShutDown || this.#refresh !== undefined) return
    this.#refresh = setImmediate(() => {
      this.#refresh = undefined
      const fault = this.#registry.fault
      if (fault !== undefined) this.#logger.error(fault.message)
      this.#start()
    })
  }

  /** Starts a worker for all complete types; the one before it takes no further job and ends those it has. */
  #start(): void {
    if (this.#settings.run === false || this.#registry.complete.size === 0) return
    if (this.#processor !== undefined) {
      this.#processor.stop()
      this.#stopped.push(this.#processor)
    }
    this.#processor = this.#createProcessor()
    this.#processor.startInBackground()
  }

  #createProcessor(): Processor {
    const types = this.#registry.complete
    const handlers = Object.fromEntries(
      [...types].map(([type, complete]) => [
        type,
        (payload: Envelope, signal: AbortSignal, ctx: Parameters<typeof runJob>[1]['ctx']) =>
          runJob(complete, { payload, signal, ctx }, (id) => this.#database.find(id)),
      ]),
    )
    return this.#queue.createProcessor(handlers, {
      concurrency: this.#settings.concurrency ?? Math.max(DEFAULT_CONCURRENCY, types.size),
      onUnknownType: 'wait',
      // They are `error` events of the queue as well, which are logged.
      onError: () => undefined,
    })
  }

  async #end(job: JobReference, how: 'success' | 'failure', text: string | undefined): Promise<boolean> {
    const id = idOf(job)
    if (id === undefined) return false
    await this.#open()
    return this.#database.end(id, how, text)
  }

  /** By the engine's indexes, then through the view: which leaves out what is deleted. */
  async #newest(type: string, status?: Extract<JobSystemStatus, 'processing'>): Promise<JobEntity | null> {
    await this.#open()
    let cursor: number | undefined
    do {
      const page = await this.#queue.getJobs(
        { jobType: type, ...(status && { status }), ...(cursor && { cursor }) },
        PAGE,
      )
      for (const { id } of page) {
        const job = await this.#database.find(id)
        if (job !== null) return job
      }
      cursor = page.length < PAGE ? undefined : page.at(-1)?.id
    } while (cursor !== undefined)
    return null
  }

  /** A type that nobody handles is most often a typing error; its jobs wait, since a process with the handler may be about to start. */
  async #warnUnhandled(type: string): Promise<void> {
    if (this.#registry.has(type) || this.#warned.has(type)) return
    this.#warned.add(type)
    if (!(await this.#handledElsewhere(type)))
      this.#logger.warn(
        `No handler registered for job type "${type}", here or in a process that runs now; its jobs wait. ${this.#known()}`,
      )
  }

  async #warnWaiting(): Promise<void> {
    for (const { type, jobs } of await this.#database.dueTypes()) {
      if (this.#registry.has(type) || (await this.#handledElsewhere(type))) continue
      this.#logger.warn(
        `No handler registered for job type "${type}", of which ${jobs} jobs are due; they wait. ${this.#known()}`,
      )
    }
  }

  async #handledElsewhere(type: string): Promise<boolean> {
    const workers = await this.#queue.getWorkers()
    return workers.some(({ jobTypes }) => jobTypes?.includes(type) === true)
  }

  #known(): string {
    const { types } = this.#registry
    return types.length === 0 ? 'None are registered here.' : `Registered here: ${types.join(', ')}.`
  }
}

const PAGE = 20

function idOf(job: JobReference): number | undefined {
  const given: unknown = typeof job === 'object' && job !== null ? job.id : job
  const id = /^\d+$/.test(String(given)) ? Number(given) : Number.NaN
  return Number.isSafeInteger(id) && id > 0 ? id : undefined
}

import { isMillraceError } from '../errors.ts'
import type { FireResult } from '../maintain/schedule-firer.ts'
import { UpkeepLoop } from '../maintain/upkeep-loop.ts'
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { checkBoolean, checkInteger, checkNames, checkText, refuseOption } from '../model/check.ts'
import { pause } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import type { JobDefinition } from '../model/define-jobs.ts'
import { validateProcessorNumbers } from '../model/options.ts'
import type { QueueEvents } from '../observe/events.ts'
import type { Hooks } from '../observe/hooks.ts'
import type { Store, Wake } from '../store/store.ts'
import { type AnyHandler, HandlerTable } from './handler-table.ts'
import type { HeartbeatMode } from './heartbeat.ts'
import { MetricsBuffer } from './metrics-buffer.ts'
import { WorkerReports } from './reports.ts'
import { Worker } from './worker.ts'
import type { WorkerOptions, WorkflowDependencies } from './worker-options.ts'

/** What `createProcessor` takes besides the handlers. */
export interface ProcessorOptions {
  /** What `lockedBy` and the history say. Default: host, process and a random part. 1 to 255 characters. */
  readonly workerId?: string | undefined
  /** Jobs that one `start()` takes, 1 to 10,000. Default 10. A background processor is bound by it only when it is set. */
  readonly batchSize?: number | undefined
  /** Handlers running at once, 1 to 10,000. Default 3. */
  readonly concurrency?: number | undefined
  /** Jobs of one group running at once over all workers; the smallest among live workers holds. Default: no limit. */
  readonly groupConcurrency?: number | undefined
  /** The longest that a ready job waits for an idle worker when no wake-up reaches it, in milliseconds. Default 5000. */
  readonly pollInterval?: number | undefined
  /** Only these types; others are never touched. Default: all, failing those without a handler. */
  readonly jobType?: string | readonly string[] | undefined
  /** Told of every error that is not a handler's. Default: `console.error`. */
  readonly onError?: ((error: Error) => void) | undefined
  /** Logs what the worker does to the console. Default `false`. */
  readonly verbose?: boolean | undefined
  /** A worker silent for this long loses its jobs to others. Milliseconds, from 2000. Default: the queue's, 30,000. */
  readonly leaseMs?: number | undefined
  /** How often the lease is extended, in milliseconds. Default: a third of `leaseMs`. */
  readonly heartbeatMs?: number | undefined
  /** Where the lease is extended from while a handler blocks the event loop. Default `'thread'`. */
  readonly heartbeat?: HeartbeatMode | undefined
  /** Jobs fetched ahead of free slots, 0 to 10,000. Default: what measured handler time will start within 100 ms. */
  readonly prefetch?: number | undefined
  /** What becomes of a job whose type has no handler here. `'fail'` (default): `no_handler`. `'wait'`: it is left alone. */
  readonly onUnknownType?: 'fail' | 'wait' | undefined
  /** Whether it adds the jobs of due schedules, of whatever type. Default `true`. */
  readonly fireSchedules?: boolean | undefined
}

/** Runs the jobs of a queue. Made by `createProcessor`; does nothing until started. */
export interface Processor {
  /** Takes one batch of ready jobs, runs it, and resolves with the number of jobs handled; 0 if the store failed. */
  start(): Promise<number>
  /** Works until stopped. A second call does nothing. */
  startInBackground(): void
  /** Claims nothing more; running jobs go on, and what was only fetched is handed back. */
  stop(): void
  /**
   * Stops and waits for running jobs, at most `timeoutMs` (default 30,000). What still runs then is told to stop and handed
   * back, without using up its attempt. After it resolves no handler of this processor starts.
   */
  stopAndDrain(timeoutMs?: number): Promise<void>
  /** Whether it works in the background. */
  isRunning(): boolean
  [Symbol.asyncDispose](): Promise<void>
}

export interface ProcessorDependencies {
  /** Opened and migrated; asked again after a failure. */
  readonly store: () => Promise<Store>
  readonly clock: Clock
  readonly events: QueueEvents
  readonly hooks: Hooks
  readonly definitions: Readonly<Record<string, JobDefinition>> | undefined
  readonly leaseMs: number
  readonly keepCompleted: boolean
  readonly workflow: WorkflowDependencies
  /** Told when it begins and when it ceases to do anything, so that whoever made it holds only those that do. */
  readonly onActive: (processor: BackgroundProcessor, isActive: boolean) => void
  /** Begins to hear of work that other processes add. */
  readonly listen: () => void
  /** Adds the jobs of due schedules. */
  readonly fireSchedules: () => Promise<FireResult>
  /** Logs to the console until the answer is called. */
  readonly subscribeVerbose: () => () => void
}

const OPTION_NAMES: ReadonlySet<string> = new Set([
  'workerId',
  'batchSize',
  'concurrency',
  'groupConcurrency',
  'pollInterval',
  'jobType',
  'onError',
  'verbose',
  'leaseMs',
  'heartbeatMs',
  'heartbeat',
  'prefetch',
  'onUnknownType',
  'fireSchedules',
])

const DRAIN_MS = 30_000
const DEFAULT_BATCH = 10
const DEFAULT_CONCURRENCY = 3
const DEFAULT_POLL_MS = 5000

/** @throws MillraceError `OPTION_INVALID` */
function checkOptions(options: ProcessorOptions): void {
  if (typeof options !== 'object' || options === null)
    refuseOption('options', options, 'an object', 'Pass `{ concurrency: 10 }`')
  checkNames({ ...options }, OPTION_NAMES)
  const { batchSize, concurrency, groupConcurrency, pollInterval, leaseMs, heartbeatMs, prefetch } = options
  validateProcessorNumbers({ batchSize, concurrency, groupConcurrency, pollInterval, leaseMs })
  if (heartbeatMs !== undefined) checkInteger('heartbeatMs', heartbeatMs, HEARTBEAT_RANGE)
  if (prefetch !== undefined) checkInteger('prefetch', prefetch, PREFETCH_RANGE)
  if (options.workerId !== undefined) checkText('workerId', options.workerId)
  for (const type of typesOf(options.jobType) ?? []) checkText('jobType', type)
  checkChoice('heartbeat', options.heartbeat, ['thread', 'main'])
  checkChoice('onUnknownType', options.onUnknownType, ['fail', 'wait'])
  if (options.fireSchedules !== undefined) checkBoolean('fireSchedules', options.fireSchedules)
}

const HEARTBEAT_RANGE = { min: 100, max: 86_400_000, remedy: 'Leave it out for a third of `leaseMs`' }
const PREFETCH_RANGE = { min: 0, max: 10_000, remedy: 'Leave it out to follow the measured handler time' }

function checkChoice(name: string, value: string | undefined, choices: readonly [string, string]): void {
  if (value === undefined || choices.includes(value)) return
  refuseOption(name, value, choices.map((choice) => `'${choice}'`).join(' or '), `Leave it out for '${choices[0]}'`)
}

function typesOf(jobType: string | readonly string[] | undefined): readonly string[] | undefined {
  if (jobType === undefined) return undefined
  return typeof jobType === 'string' ? [jobType] : jobType
}

/**
 * @throws MillraceError `OPTION_INVALID` naming the option
 */
export function createProcessor(
  handlers: Readonly<Record<string, AnyHandler>>,
  options: ProcessorOptions,
  deps: ProcessorDependencies,
): BackgroundProcessor {
  checkOptions(options)
  if (typeof handlers !== 'object' || handlers === null)
    refuseOption('handlers', handlers, 'an object of handlers by job type', "Pass `{ 'email.send': handler }`")
  return new BackgroundProcessor(handlers, options, deps)
}

export class BackgroundProcessor implements Processor {
  readonly #handlers: HandlerTable
  readonly #options: ProcessorOptions
  readonly #deps: ProcessorDependencies
  readonly #workerId: string
  readonly #reports: WorkerReports
  readonly #metrics: MetricsBuffer
  /** Every worker of this processor that has not ended: the background one, and those of `start()`. */
  readonly #workers = new Set<Worker>()
  /** Aborted when the background loop is told to stop; absent while there is none. */
  #background: AbortController | undefined
  #opening: Promise<void> = Promise.resolve()
  /** How often it was told to stop. */
  #stops = 0
  readonly #upkeep: UpkeepLoop

  constructor(handlers: Readonly<Record<string, AnyHandler>>, options: ProcessorOptions, deps: ProcessorDependencies) {
    this.#options = options
    this.#deps = deps
    this.#workerId = options.workerId ?? `${hostname().slice(0, 100)}:${process.pid}:${randomBytes(4).toString('hex')}`
    this.#handlers = new HandlerTable(handlers, deps.definitions)
    const { clock, events, hooks, definitions } = deps
    this.#metrics = new MetricsBuffer({
      store: deps.store,
      clock,
      onError: (error) => this.#reports.storeError(error, 'metrics', undefined),
    })
    this.#reports = new WorkerReports({
      workerId: this.#workerId,
      clock,
      events,
      hooks,
      metrics: this.#metrics,
      definitions,
      onError: options.onError ?? printError,
    })
    this.#upkeep = new UpkeepLoop({
      store: deps.store,
      clock,
      hooks,
      onError: (error) => this.#reports.storeError(error, 'upkeep', undefined),
    })
  }

  async start(): Promise<number> {
    const unsubscribe = this.#logIfVerbose()
    try {
      const stops = this.#stops
      const store = await this.#deps.store()
      if (this.#options.fireSchedules !== false && stops === this.#stops) await this.#deps.fireSchedules()
      // Told to stop while the store was being opened: a drain may already be over.
      if (stops !== this.#stops) return 0
      const worker = this.#createWorker(store, this.#options.batchSize ?? DEFAULT_BATCH)
      await worker.open()
      await worker.ended
      return worker.handled
    } catch (error) {
      this.#reports.storeError(error, 'start', undefined)
      return 0
    } finally {
      unsubscribe?.()
    }
  }

  startInBackground(): void {
    if (this.#background !== undefined) return
    const background = new AbortController()
    this.#background = background
    this.#activityChanged()
    this.#upkeep.start()
    // One after the other: a restart waits until the worker before it has its store.
    this.#opening = this.#opening.then(() => this.#openInBackground(background.signal))
  }

  stop(): void {
    this.#stops += 1
    this.#background?.abort()
    this.#background = undefined
    this.#upkeep.stop()
    for (const worker of this.#workers) worker.stop()
    this.#activityChanged()
  }

  async stopAndDrain(timeoutMs: number = DRAIN_MS): Promise<void> {
    // One whose store is only being opened never comes to work after this.
    this.stop()
    await Promise.all([...this.#workers].map((worker) => worker.drain(timeoutMs)))
  }

  isRunning(): boolean {
    return this.#background !== undefined
  }

  /** Whether it adds the jobs of due schedules now. */
  isFiring(): boolean {
    return this.isRunning() && this.#options.fireSchedules !== false
  }

  wake(wake: Wake): void {
    for (const worker of this.#workers) worker.wake(wake)
  }

  dueIn(inMs: number): void {
    for (const worker of this.#workers) worker.dueIn(inMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAndDrain()
  }

  async #openInBackground(signal: AbortSignal): Promise<void> {
    const store = await this.#openStore(signal)
    if (store === undefined || signal.aborted) return
    // Only now: before, there is nothing to listen to, and whoever asks too early is not asked again.
    this.#deps.listen()
    const unsubscribe = this.#logIfVerbose()
    const worker = this.#createWorker(store, undefined)
    void worker.open()
    void worker.ended.then(unsubscribe)
  }

  /** A store that cannot be reached yet is tried again for as long as nobody stops the processor. */
  async #openStore(signal: AbortSignal): Promise<Store | undefined> {
    const { clock, store } = this.#deps
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await store()
      } catch (error) {
        if (isMillraceError(error, 'QUEUE_CLOSED')) return undefined
        const delayMs = Math.min(5000, 100 * 2 ** Math.min(failures, 10))
        this.#reports.storeError(error, 'open', delayMs)
        await pause(clock, delayMs, signal)
      }
    }
    return undefined
  }

  #createWorker(store: Store, once: number | undefined): Worker {
    const worker = new Worker(this.#workerOptions(once), {
      store,
      clock: this.#deps.clock,
      entry: (job) => this.#handlers.entry(job),
      workflow: this.#deps.workflow,
      reports: this.#reports,
      metrics: this.#metrics,
      tracer: () => this.#deps.hooks.tracer,
      fireSchedules: this.#deps.fireSchedules,
    })
    this.#workers.add(worker)
    this.#activityChanged()
    void worker.ended.then(() => {
      this.#workers.delete(worker)
      if (this.#workers.size === 0) this.#metrics.rest()
      this.#activityChanged()
    })
    return worker
  }

  #activityChanged(): void {
    this.#deps.onActive(this, this.#background !== undefined || this.#workers.size > 0)
  }

  #workerOptions(once: number | undefined): WorkerOptions {
    const options = this.#options
    const leaseMs = options.leaseMs ?? this.#deps.leaseMs
    return {
      workerId: this.#workerId,
      concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
      batchSize: options.batchSize,
      groupConcurrency: options.groupConcurrency,
      jobTypes: this.#jobTypes(),
      versions: this.#handlers.versions,
      pollInterval: options.pollInterval ?? DEFAULT_POLL_MS,
      leaseMs,
      heartbeatMs: options.heartbeatMs ?? Math.floor(leaseMs / 3),
      heartbeat: options.heartbeat ?? 'thread',
      prefetch: options.prefetch ?? 'auto',
      keepCompleted: this.#deps.keepCompleted,
      firesSchedules: once === undefined && options.fireSchedules !== false,
      ...(once === undefined ? {} : { once }),
    }
  }

  #jobTypes(): readonly string[] | undefined {
    const types = typesOf(this.#options.jobType)
    if (this.#options.onUnknownType !== 'wait') return types
    return (types ?? this.#handlers.jobTypes).filter((type) => this.#handlers.has(type))
  }

  #logIfVerbose(): (() => void) | undefined {
    return this.#options.verbose ? this.#deps.subscribeVerbose() : undefined
  }
}

function printError(error: Error): void {
  // oxlint-disable-next-line no-console -- the documented default of `onError`
  console.error(error)
}

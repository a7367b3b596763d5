import { AsyncLocalStorage } from 'node:async_hooks'
import { Enqueuer } from '../../src/enqueue/enqueuer.ts'
import { isMillraceError } from '../../src/errors.ts'
import type { JobContext } from '../../src/model/handler.ts'
import { fatal, snooze } from '../../src/model/verdict.ts'
import { QueueEvents } from '../../src/observe/events.ts'
import { type FireResult, ScheduleFirer } from '../../src/maintain/schedule-firer.ts'
import { Hooks } from '../../src/observe/hooks.ts'
import { BackgroundProcessor, type ProcessorDependencies } from '../../src/processor/processor.ts'
import type { Store, Wake } from '../../src/store/store.ts'
import { createSupervisor, type Supervisor } from '../../src/supervisor/supervisor.ts'
import type { History } from './history.ts'
import type { Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'
import type { Random } from './random.ts'
import type { ProcessorSpec, ProcessSpec, Sabotage, Scenario } from './scenario.ts'

export interface ApplicationOptions {
  readonly process: SimulatedProcess
  readonly network: Network
  readonly store: Store
  readonly history: History
  readonly random: Random
  readonly scenario: Scenario
  readonly spec: ProcessSpec
  readonly sabotage: Sabotage | undefined
}

/** A user's program in one process: the real enqueuer, processors and supervisor, and handlers that do all they can do. */
export class Application {
  readonly process: SimulatedProcess
  readonly network: Network
  readonly store: Store
  readonly enqueuer: Enqueuer
  readonly processors: ReadonlyMap<ProcessorSpec, BackgroundProcessor>
  readonly #options: ApplicationOptions
  readonly #supervisor: Supervisor | undefined
  readonly #random: Random
  /** Token of the attempt whose handler is about to be called. */
  #startingToken = 0
  /** Of processors that take batches: those that still should. */
  readonly #batching = new Set<ProcessorSpec>()

  constructor(options: ApplicationOptions) {
    const { process, network, store, random, spec } = options
    this.#options = options
    this.process = process
    this.network = network
    this.store = store
    this.#random = random
    const events = new QueueEvents({ onListenerError: () => undefined })
    const hooks = new Hooks()
    hooks.subscribe((event) => {
      if (event.type === 'job.started') this.#startingToken = event.token
    })
    const surroundings = { store: () => this.#open(), clock: process, events, hooks, subscribeVerbose: () => ignore }
    this.processors = new Map(
      spec.processors.map((processor) => [processor, this.#createProcessor(processor, surroundings)]),
    )
    this.enqueuer = new Enqueuer({
      store,
      clock: process,
      ready: async () => void (await this.#open()),
      onReady: (priorities, runAt) => {
        if (priorities.length > 0) this.wake({ kind: 'ready', priorities })
        const inMs = runAt === undefined ? 0 : Math.max(0, runAt.getTime() - process.date().getTime())
        if (runAt !== undefined) for (const processor of this.processors.values()) processor.dueIn(inMs)
      },
      hasLocalWorkers: () => [...this.processors.values()].some((processor) => processor.isRunning()),
      wallNow: () => process.date().getTime(),
    })
    const firer = new ScheduleFirer({
      store: () => this.#open(),
      declared: () => Promise.resolve(),
      onAdded: ignore,
      onError: ignore,
    })
    this.#supervisor = spec.hasSupervisor
      ? createSupervisor(
          { intervalMs: 1000, fireSchedules: false, onError: ignore },
          { ...surroundings, firer, onActive: ignore, hasFiringProcessor: () => false },
        )
      : undefined
    this.#supervisor?.startInBackground()
  }

  wake(wake: Wake): void {
    for (const processor of this.processors.values()) processor.wake(wake)
  }

  /** Begins to work, in the background or with one batch after the other. */
  work(spec: ProcessorSpec): void {
    const processor = this.#processor(spec)
    if (processor.isRunning() || this.#batching.has(spec)) return
    const { name, concurrency } = spec
    this.#options.history.add({ kind: 'working', processor: name, process: this.process.name, concurrency })
    if (spec.isOneShot) void this.#takeBatches(spec, processor)
    else processor.startInBackground()
  }

  stop(spec: ProcessorSpec): void {
    this.#options.history.add({ kind: 'stopping', processor: spec.name })
    this.#batching.delete(spec)
    if (this.#options.sabotage !== 'deaf to stop') this.#processor(spec).stop()
  }

  async drain(spec: ProcessorSpec, limitMs: number): Promise<void> {
    const startedAt = this.process.now()
    this.#options.history.add({ kind: 'stopping', processor: spec.name })
    this.#batching.delete(spec)
    if (this.#options.sabotage !== 'deaf to stop') await this.#processor(spec).stopAndDrain(limitMs)
    const inMs = this.process.now() - startedAt
    this.#options.history.add({ kind: 'drained', processor: spec.name, process: this.process.name, inMs, limitMs })
  }

  /** Ends everything, as at the end of a program. */
  async close(): Promise<void> {
    await Promise.all([...this.processors.keys()].map((spec) => this.drain(spec, 30_000)))
    await this.#supervisor?.stopAndDrain(30_000)
    await this.enqueuer.close()
  }

  #processor(spec: ProcessorSpec): BackgroundProcessor {
    const processor = this.processors.get(spec)
    if (processor === undefined) throw new Error(`no processor ${spec.name} here`)
    return processor
  }

  #createProcessor(
    spec: ProcessorSpec,
    surroundings: Pick<ProcessorDependencies, 'store' | 'clock' | 'events' | 'hooks' | 'subscribeVerbose'>,
  ): BackgroundProcessor {
    const { scenario, sabotage } = this.#options
    const { name, concurrency, batchSize, prefetch } = spec
    // Schedules are not simulated.
    const fireSchedules = (): Promise<FireResult> => Promise.resolve({ count: 0, nextDueMs: null })
    const { pollInterval, groupConcurrency, leaseMs, keepCompleted } = scenario
    return new BackgroundProcessor(
      { work: (_payload: unknown, signal: AbortSignal, ctx: JobContext) => this.#handle(name, signal, ctx) },
      {
        workerId: name,
        concurrency: sabotage === 'double concurrency' ? 2 * concurrency : concurrency,
        batchSize,
        prefetch,
        pollInterval,
        groupConcurrency,
        onError: ignore,
      },
      {
        ...surroundings,
        definitions: undefined,
        leaseMs,
        keepCompleted,
        onActive: ignore,
        listen: ignore,
        fireSchedules,
        // Handlers here have no steps.
        workflow: {
          transact: () => Promise.reject(new Error('none')),
          scopes: new AsyncLocalStorage(),
          maxBytes: 0,
          children: { prepare: () => [], add: () => Promise.resolve([]) },
        },
      },
    )
  }

  /** Opening a queue takes a round trip, and can fail. */
  async #open(): Promise<Store> {
    await this.store.findEnqueued({ nonce: 0, sinceId: Number.MAX_SAFE_INTEGER })
    return this.store
  }

  async #takeBatches(spec: ProcessorSpec, processor: BackgroundProcessor): Promise<void> {
    this.#batching.add(spec)
    while (this.#batching.has(spec)) {
      await processor.start()
      await this.#sleep(this.#random.between(100, 2000))
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.process.after(delayMs, resolve)
    })
  }

  async #handle(processor: string, signal: AbortSignal, ctx: JobContext): Promise<unknown> {
    const { history } = this.#options
    const attempt = { id: ctx.jobId, token: this.#startingToken }
    history.add({ kind: 'started', ...attempt, process: this.process.name, processor })
    signal.addEventListener('abort', () => {
      if (this.#options.sabotage === 'signals swallowed') return
      const code = isMillraceError(signal.reason) ? signal.reason.code : 'unknown'
      history.add({ kind: 'aborted', ...attempt, code })
    })
    const isObedient = this.#random.chance(0.9)
    const isCut = await this.#spendTime(signal, isObedient, ctx)
    const draw = this.#random.next()
    const how = isCut ? 'gave up' : draw < 0.75 ? 'returned' : 'threw'
    history.add({ kind: 'ended', ...attempt, how })
    if (how === 'returned') return draw < 0.3 ? { draw } : undefined
    if (isCut || draw < 0.92) throw new Error('this time it does not work')
    throw draw < 0.97 ? snooze(Math.ceil(draw * 500)) : fatal('it never will')
  }

  /** Whether it was told to stop, and did. */
  async #spendTime(signal: AbortSignal, isObedient: boolean, ctx: JobContext): Promise<boolean> {
    const random = this.#random
    const { leaseMs } = this.#options.scenario
    const length = random.next()
    const mean = length < 0.2 ? 0 : length < 0.7 ? 30 : length < 0.95 ? 800 : leaseMs * 1.5
    if (mean === 0) return false
    const endsAt = this.process.now() + random.delay(mean)
    while (this.process.now() < endsAt) {
      if (random.chance(0.2)) ctx.setProgress(random.integer(0, 100)).catch(ignore)
      if (random.chance(0.1)) ctx.prolong()
      await this.#pause(
        Math.min(endsAt - this.process.now(), random.between(50, 1000)),
        isObedient ? signal : undefined,
      )
      if (signal.aborted && isObedient) {
        await this.#sleep(random.delay(20))
        return true
      }
    }
    return false
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.process.after(delayMs, end)
      signal?.addEventListener('abort', end)
    })
  }
}

function ignore(): void {
  // What is told here is told to the history as well.
}

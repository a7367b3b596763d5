import { AsyncLocalStorage } from 'node:async_hooks'
import { FetchedJobs } from '../claim/fetched-jobs.ts'
import { OpenClaims } from '../claim/open-claims.ts'
import { Prefetch } from '../claim/prefetch.ts'
import { ReadyBounds } from '../claim/ready-bounds.ts'
import { MillraceError } from '../errors.ts'
import { pause, type Timer } from '../model/clock.ts'
import type { Outcome } from '../model/outcome.ts'
import { startAttempt } from '../run/attempt.ts'
import type { Attempt, RunSettings } from '../run/attempt-contract.ts'
import { SettleBuffer } from '../settle/buffer.ts'
import type { ClaimedJob, HousekeepingResult } from '../store/claim.ts'
import type { NewJob } from '../store/enqueue.ts'
import type { Wake } from '../store/store.ts'
import { endsWithin } from './ends-within.ts'
import { Exchanger } from './exchanger.ts'
import type { Demand } from './exchanger-options.ts'
import { LimitWatch } from './limit-watch.ts'
import { LogBuffer } from './log-buffer.ts'
import { Registration } from './registration.ts'
import { ScheduleWatch } from './schedule-watch.ts'
import { type Ended, unstarted } from './reports.ts'
import { retriedMeanwhile, shuttingDown } from './stop-reasons.ts'
import { createRunSettings, type WorkerDependencies, type WorkerOptions } from './worker-options.ts'

/** An idle worker looks at the store this often at least: a little under once a second, with room for a check of the listener. */
const LONGEST_TICK_MS = 1100
/** What was fetched ahead and cannot start within this time goes back to other workers. */
const HOLD_MS = 250
/** After the drain's limit, how long handlers may take to react to their signal. */
const LAST_GRACE_MS = 250

/**
 * One boot of a processor: it registers, claims and runs jobs, and ends.
 *
 * - opening   until its row exists; retried for as long as nobody stops it
 * - working   claims, runs, settles
 * - stopping  claims nothing more; ends once nothing runs and everything is recorded
 * - ended     its row is gone and what it still held has been handed back
 *
 * A worker that has lost its lease, or must take it for lost (its process slept, or was cut off for longer than the lease),
 * stops everything it runs, registers anew and goes on working.
 */
export class Worker {
  readonly #options: WorkerOptions
  readonly #deps: WorkerDependencies
  readonly #buffer: SettleBuffer
  readonly #openClaims = new OpenClaims()
  readonly #prefetch: Prefetch
  readonly #exchanger: Exchanger
  readonly #registration: Registration
  readonly #limits: LimitWatch
  readonly #schedules: ScheduleWatch
  readonly #running = new Map<number, Attempt>()
  #justEnded: { readonly attempt: Attempt; readonly outcome: Outcome }[] = []
  readonly #runSettings: RunSettings
  readonly #logs: LogBuffer
  readonly #ahead = new FetchedJobs()
  #holdTimer: Timer | undefined
  #state: 'opening' | 'working' | 'stopping' | 'ended' = 'opening'
  #isPumpSoon = false
  readonly #stopping = new AbortController()
  #handled = 0
  #hasAskedOnce = false
  readonly #ended: Promise<void>
  #resolveEnded: () => void = () => undefined
  readonly #opened: Promise<void>
  #resolveOpened: () => void = () => undefined

  constructor(options: WorkerOptions, deps: WorkerDependencies) {
    this.#options = options
    this.#buffer = new SettleBuffer({ keepsHistory: options.keepCompleted })
    this.#deps = deps
    this.#prefetch = new Prefetch({
      concurrency: options.concurrency,
      most: options.once === undefined ? options.prefetch : 0,
    })
    this.#ended = new Promise((resolve) => (this.#resolveEnded = resolve))
    this.#opened = new Promise((resolve) => (this.#resolveOpened = resolve))
    const tickMs = Math.min(options.pollInterval, options.heartbeatMs, LONGEST_TICK_MS)
    const { store, clock, reports } = deps
    this.#exchanger = new Exchanger({
      store,
      clock,
      worker: () => this.#registration.number,
      buffer: this.#buffer,
      bounds: new ReadyBounds({ sweepEveryMs: tickMs }),
      openClaims: this.#openClaims,
      demand: (requested) => this.#demand(requested),
      knownTokens: () => [...[...this.#running.values()].map(({ job }) => job.token), ...this.#ahead.tokens],
      onJobs: (jobs) => this.#received(jobs),
      onHousekeeping: (result) => this.#kept(result),
      onMorePaused: () => (this.#hasAskedOnce = false),
      onCascade: (ids) => reports.cascaded(ids),
      onDead: (worker) => this.#registration.lost(worker),
      onBeat: (worker, sentAt) => this.#registration.beaten(worker, sentAt),
      onBeatFailed: (worker) => this.#registration.beatFailed(worker),
      isLeaving: () => this.#isLeaving(),
      onLeave: () => void this.#unregister(),
      onError: (error, operation, retryInMs) => {
        reports.storeError(error, operation, retryInMs)
        // One shot means one try: whoever called is told that nothing was done, and calls again.
        if (options.once !== undefined && this.#handled === 0) this.stop()
      },
      onExchange: (told) => reports.exchanged(told),
      jobTypes: options.jobTypes,
      versions: options.versions,
      keepCompleted: options.keepCompleted,
      leaseMs: options.leaseMs,
      heartbeatMs: options.heartbeatMs,
      tickMs,
    })
    this.#registration = new Registration({ worker: options, deps, onLost: (reason) => void this.#leaseLost(reason) })
    this.#limits = new LimitWatch(clock, (inMs) => this.#registration.setDeadline(inMs))
    this.#schedules = new ScheduleWatch({
      clock,
      fire: deps.fireSchedules,
      lookIn: (inMs) => this.dueIn(inMs),
      onError: (error) => reports.storeError(error, 'schedules', 1000),
    })
    this.#logs = new LogBuffer({ store, clock, onError: (error) => reports.storeError(error, 'logs', 1000) })
    const onLimit = (deadline: number): void => this.#limits.begun(deadline)
    this.#runSettings = { ...createRunSettings(options, deps, this.#logs), onEnded: this.#attemptEnded, onLimit }
  }

  /** How many jobs were started. */
  get handled(): number {
    return this.#handled
  }

  get isWorking(): boolean {
    return this.#state === 'opening' || this.#state === 'working'
  }

  /** Resolves once the worker has ended; never rejects. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Begins to work. With `once` a store that cannot be reached rejects; else it is tried again for ever. */
  async open(): Promise<void> {
    for (let failures = 0; this.#state === 'opening'; failures++) {
      try {
        await this.#register()
        if (this.#state === 'opening') this.#state = 'working'
        break
      } catch (error) {
        if (this.#options.once !== undefined) {
          this.#finish()
          throw error
        }
        const delayMs = Math.min(5000, 100 * 2 ** Math.min(failures, 10))
        this.#deps.reports.storeError(error, 'register', delayMs)
        await pause(this.#deps.clock, delayMs, this.#stopping.signal)
      }
    }
    this.#resolveOpened()
    this.#exchanger.pump()
  }

  wake(wake: Wake): void {
    if (this.#state !== 'working') return
    switch (wake.kind) {
      case 'ready':
        this.#exchanger.wake(wake.priorities)
        break
      case 'cancel':
        if (this.#running.has(wake.jobId) || this.#ahead.has(wake.jobId)) this.#exchanger.keepHouse()
        break
      case 'schedules':
        if (this.#options.firesSchedules) this.#exchanger.keepHouse()
        break
    }
  }

  /** A job of this process becomes due in `inMs`. */
  dueIn(inMs: number): void {
    if (this.#state === 'working') this.#exchanger.keepHouse(inMs)
  }

  /** Claims nothing more and hands back what was not started; running jobs go on. */
  stop(): void {
    if (!this.isWorking) return
    this.#state = 'stopping'
    this.#stopping.abort()
    this.#exchanger.stopClaiming()
    this.#release(this.#ahead.takeAll())
    this.#exchanger.pump()
  }

  /** Stops and waits; handlers that run longer than `limitMs` are told to stop and their jobs handed back. */
  async drain(limitMs: number): Promise<void> {
    this.stop()
    if (await endsWithin(this.#deps.clock, this.#ended, limitMs)) return
    for (const attempt of this.#running.values()) attempt.abort(shuttingDown(), LAST_GRACE_MS)
    if (await endsWithin(this.#deps.clock, this.#ended, 2 * LAST_GRACE_MS + 1000)) return
    // The store does not answer. The lease runs out by itself, and what is unrecorded is then run again.
    this.#finish()
  }

  async #register(): Promise<void> {
    await this.#registration.open()
    this.#exchanger.registered()
  }

  #demand(requested: number): Demand {
    if (this.#state !== 'working' || this.#registration.number === 0) return { limit: 0, slots: 0 }
    const { concurrency, batchSize, once } = this.#options
    if (once !== undefined) {
      if (this.#hasAskedOnce) return { limit: 0, slots: 0 }
      this.#hasAskedOnce = true
      const left = once - this.#handled - this.#ahead.size
      return { limit: left, slots: left }
    }
    const held = this.#running.size + this.#ahead.size + requested
    const ahead = this.#prefetch.target
    const free = concurrency - held
    const limit = concurrency + ahead - held
    // While every slot is taken, a claim for a handful of jobs is not worth its round trip.
    if (limit <= 0 || (free <= 0 && limit < ahead / 4)) return { limit: 0, slots: 0 }
    return { limit: batchSize === undefined ? limit : Math.min(limit, batchSize), slots: Math.max(0, free) }
  }

  #received(jobs: readonly ClaimedJob[]): void {
    // A process that slept while the claim was answered may hold what is long given to others; if not, it goes back unspent.
    if (this.#state === 'stopping' || this.#state === 'ended' || this.#registration.isInDoubt) {
      this.#release(jobs)
      return
    }
    this.#ahead.add(jobs)
    this.#startNext()
    if (this.#ahead.size > 0 && this.#options.once === undefined)
      this.#holdTimer ??= this.#deps.clock.after(HOLD_MS, this.#holdOver)
  }

  /** Whatever waited here for a slot all the time goes back: another worker may have one. */
  readonly #holdOver = (): void => {
    this.#holdTimer = undefined
    if (this.#ahead.size === 0) return
    const oldest = this.#deps.clock.now() - HOLD_MS
    const isStuck = [...this.#running.values()].every(({ startedAt }) => startedAt < oldest)
    if (isStuck) {
      this.#prefetch.stalled()
      this.#release(this.#ahead.takeAll())
    } else {
      this.#holdTimer = this.#deps.clock.after(HOLD_MS, this.#holdOver)
    }
  }

  #startNext(): void {
    // A process that slept past its lease: what it fetched before may have run elsewhere by now. Fenced, as above.
    if (this.#ahead.size > 0 && this.#registration.isInDoubt) this.#release(this.#ahead.takeAll())
    while (this.#running.size < this.#options.concurrency) {
      const job = this.#ahead.takeNext()
      if (job === undefined) break
      this.#start(job)
    }
  }

  #start(job: ClaimedJob): void {
    const { entry, reports } = this.#deps
    this.#handled += 1
    // Retried while it ran here, and claimed again before anybody could tell: there is one attempt at a time.
    this.#running.get(job.id)?.abort(retriedMeanwhile(job.id))
    reports.starting(job)
    const attempt = startAttempt(job, entry(job), this.#runSettings)
    this.#running.set(job.id, attempt)
    // What its handler did before it returned or waited may have blocked the thread.
    this.#limits.moved()
  }

  /** Attempts that end in one turn are taken together, after whatever ended them has run on. */
  readonly #attemptEnded = (attempt: Attempt, outcome: Outcome): void => {
    this.#justEnded.push({ attempt, outcome })
    if (this.#justEnded.length === 1) queueMicrotask(this.#takeEnded)
  }

  /** Bound: what ended an attempt may be a call of its own handler, and the next one is not to run in its step or transaction. */
  readonly #takeEnded = AsyncLocalStorage.bind((): void => {
    const ended = this.#justEnded
    this.#justEnded = []
    const now = this.#deps.clock.now()
    let hadLimit = false
    for (const { attempt, outcome } of ended) {
      const { job, startedAt } = attempt
      if (this.#running.get(job.id) === attempt) this.#running.delete(job.id)
      hadLimit ||= attempt.deadline !== null
      this.#prefetch.measured(now - startedAt, job.payload.length)
      this.#record({ job, outcome, startedAt, durationMs: now - startedAt }, attempt.children)
    }
    this.#limits.ended(hadLimit, this.#running.values())
    this.#startNext()
    this.#pumpSoon()
  })

  /** Everything that ends in the same turn of the event loop is recorded together. */
  #pumpSoon(): void {
    if (this.#isPumpSoon) return
    this.#isPumpSoon = true
    this.#deps.clock.soon(() => {
      this.#isPumpSoon = false
      this.#exchanger.pump()
    })
  }

  #record(ended: Ended, children?: readonly NewJob[]): void {
    const { job, outcome } = ended
    const pending = this.#deps.reports.settlementOf(ended, children)
    if (pending === null) this.#openClaims.ended(job.token)
    else this.#buffer.add(pending)
    // In the same call: it answers when the job is due.
    if (outcome.kind === 'waiting') this.#exchanger.keepHouse()
    // Nothing is left to send, hence no answer that brings the next job of the group.
    if (outcome.kind === 'committed' && job.groupId !== null) this.#exchanger.wake([])
  }

  #release(jobs: readonly ClaimedJob[]): void {
    for (const job of jobs) this.#record(unstarted(job, { kind: 'released', isUnstarted: true }))
    if (jobs.length > 0) this.#pumpSoon()
  }

  #kept(result: HousekeepingResult): void {
    this.#registration.tick()
    this.#deps.reports.kept(result)
    if (this.#options.firesSchedules && this.#state === 'working') this.#schedules.told(result.schedulesDueMs)
    for (const request of result.cancelRequests) {
      const running = this.#running.get(request.id)
      if (running?.job.token === request.token) {
        running.abort(
          request.lost
            ? retriedMeanwhile(request.id)
            : new MillraceError('JOB_CANCELLED', `Job ${request.id} was cancelled.`),
        )
      }
      const job = this.#ahead.remove(request.id, request.token)
      if (job) this.#record(unstarted(job, { kind: request.lost ? 'lost' : 'cancelled' }))
    }
  }

  /** Whatever runs here may already run elsewhere. */
  async #leaseLost(reason: MillraceError): Promise<void> {
    // Fenced: only what nobody has taken over comes back by this.
    this.#release(this.#ahead.takeAll())
    for (const attempt of this.#running.values()) {
      this.#deps.reports.leaseLost(attempt.job)
      attempt.abort(reason)
    }
    await this.#registration.settleLoss()
    for (let failures = 0; this.#state === 'working' && this.#options.once === undefined; failures++) {
      try {
        await this.#register()
        break
      } catch (error) {
        this.#deps.reports.storeError(error, 'register', 1000)
        await pause(this.#deps.clock, Math.min(5000, 200 * 2 ** Math.min(failures, 5)), this.#stopping.signal)
      }
    }
    this.#exchanger.pump()
  }

  #isLeaving(): boolean {
    const isOnceOver = this.#options.once !== undefined && this.#state === 'working' && this.#hasAskedOnce
    if (this.#state !== 'stopping' && !isOnceOver) return false
    return this.#running.size === 0 && this.#ahead.size === 0
  }

  #isUnregistering = false

  async #unregister(): Promise<void> {
    if (this.#isUnregistering) return
    this.#isUnregistering = true
    if (this.#state === 'working') this.#state = 'stopping'
    await this.#opened
    await Promise.all([this.#logs.close(), this.#deps.metrics.flush()])
    await this.#registration.remove()
    this.#finish()
  }

  #finish(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#holdTimer?.cancel()
    this.#exchanger.close()
    void this.#logs.close()
    this.#resolveOpened()
    void this.#registration.close().finally(() => {
      this.#deps.reports.stopped()
      this.#resolveEnded()
    })
  }
}

import { MillraceError } from '../errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { LeaseWatch } from './lease-watch.ts'
import { registration, type WorkerDependencies, type WorkerOptions } from './worker-options.ts'

export interface RegistrationOptions {
  readonly worker: WorkerOptions
  readonly deps: WorkerDependencies
  /** The row is gone, or may be: whatever runs here may already run elsewhere. */
  readonly onLost: (reason: MillraceError) => void
}

/**
 * A worker's row at the store, and the lease that stands and falls with it: opened at boot, extended by beats (of the main
 * thread, or of a thread of its own), lost when the store has given it away or when it could not be extended in time, and
 * then opened anew under another number.
 */
export class Registration {
  readonly #options: RegistrationOptions
  readonly #heartbeat: Heartbeat
  readonly #watch: LeaseWatch
  #number = 0
  #isClosed = false

  constructor(options: RegistrationOptions) {
    this.#options = options
    const { worker, deps } = options
    const { store, clock, reports } = deps
    this.#heartbeat = new Heartbeat({
      mode: store.heartbeatTarget === null ? 'main' : worker.heartbeat,
      clock,
      onLost: () => this.lost(this.#number),
      onError: (error) => reports.storeError(error, 'heartbeat', undefined),
      onBeat: (durationMs) => reports.beat('thread', durationMs),
    })
    this.#watch = new LeaseWatch({
      clock,
      leaseMs: worker.leaseMs,
      otherBeatAgeMs: () => this.#heartbeat.threadBeatAgeMs,
      onOver: () => this.#lose('This worker could not extend its lease in time; its jobs may be given to others.'),
    })
  }

  /** The row's number; 0 while there is none. */
  get number(): number {
    return this.#number
  }

  /** Whether the lease may be over, by this process's own clock. */
  get isInDoubt(): boolean {
    return this.#watch.isInDoubt
  }

  /** Opens a row. Rejects with what the store throws. */
  async open(): Promise<void> {
    const { worker, deps } = this.#options
    const { store, clock, reports } = deps
    const { leaseMs, concurrency } = worker
    const sentAt = clock.now()
    const number = await store.register(registration(worker))
    if (this.#isClosed) {
      // Too late: nobody waits for it any more, and nothing may go on beating for it.
      await store.unregister({ worker: number })
      return
    }
    this.#number = number
    this.#watch.extended(sentAt)
    const target = store.heartbeatTarget
    if (target !== null && worker.once === undefined) this.#heartbeat.start({ target, worker: number, leaseMs })
    reports.started(number, concurrency, this.#heartbeat.mode)
  }

  /** A call that was sent at `sentAt` extended the lease of row `number`. */
  beaten(number: number, sentAt: number): void {
    if (number !== this.#number) return
    this.#heartbeat.beaten()
    this.#watch.extended(sentAt)
  }

  /** A call that should have extended the lease of row `number` failed. */
  beatFailed(number: number): void {
    if (number !== 0 && number === this.#number) this.#heartbeat.failed()
  }

  /** The main thread is at work. */
  tick(): void {
    this.#heartbeat.tick()
  }

  /** See `Heartbeat.setDeadline`. */
  setDeadline(inMs: number | null): void {
    this.#heartbeat.setDeadline(inMs)
  }

  /** The store says that row `number` is gone. */
  lost(number: number): void {
    if (number !== 0 && number === this.#number)
      this.#lose('This worker was silent for longer than its lease; its jobs were given to others.')
  }

  /** Ends what beats for the row that was lost, so that another can be opened. */
  async settleLoss(): Promise<void> {
    await this.#heartbeat.stop()
  }

  /** Removes the row; what it still holds is handed back. */
  async remove(): Promise<void> {
    if (this.#number === 0) return
    try {
      await this.#options.deps.store.unregister({ worker: this.#number })
    } catch (error) {
      // The lease runs out by itself.
      this.#options.deps.reports.storeError(error, 'unregister', undefined)
    }
  }

  /** Lets go of the row, which runs out by itself unless it has been removed. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#watch.stop()
    await this.#heartbeat.stop()
  }

  #lose(message: string): void {
    if (this.#number === 0 || this.#isClosed) return
    this.#number = 0
    this.#watch.stop()
    this.#options.onLost(new MillraceError('LEASE_LOST', message))
  }
}

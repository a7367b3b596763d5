import type { Clock, Timer } from '../model/clock.ts'

export interface LeaseWatchOptions {
  readonly clock: Clock
  readonly leaseMs: number
  /** How long ago a beat that this watch is not told of was sent and answered; `null` for none. */
  readonly otherBeatAgeMs: () => number | null
  /** The lease may be over, by this process's own clock. */
  readonly onOver: () => void
}

/** A timer that fires later than this was held up: the process did not run. */
const LATE_MS = 250

/** After it did not run, a process first asks the store whether its lease still stands. G7 leaves it 3 s to stop. */
const ASK_MS = 2000

/**
 * Ends a lease that could not be extended in time, without anybody's help: a worker that is cut off would otherwise learn
 * only when it is connected again that its jobs have been running elsewhere all the while.
 *
 * It counts from when a beat was sent. The store counts from when the beat arrived, so it never gives a lease away first
 * (but for the little that two clocks differ in speed).
 */
export class LeaseWatch {
  readonly #options: LeaseWatchOptions
  #overAt = 0
  #timer: Timer | undefined

  constructor(options: LeaseWatchOptions) {
    this.#options = options
  }

  /** Whether the lease may be over now: the process has not run, and has not asked since. */
  get isInDoubt(): boolean {
    const { clock, leaseMs, otherBeatAgeMs } = this.#options
    return clock.now() >= this.#overAt && (otherBeatAgeMs() ?? leaseMs) >= leaseMs
  }

  /** A beat that was sent at `sentAt` of the clock has been answered: the lease stands. */
  extended(sentAt: number): void {
    this.#overAt = Math.max(this.#overAt, sentAt + this.#options.leaseMs)
    if (this.#timer === undefined) this.#wait(this.#overAt)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#overAt = 0
  }

  #wait(until: number): void {
    const { clock } = this.#options
    this.#timer = clock.after(Math.max(0, until - clock.now()), () => this.#look(until))
  }

  #look(dueAt: number): void {
    const { clock, leaseMs, otherBeatAgeMs, onOver } = this.#options
    const now = clock.now()
    const ageMs = otherBeatAgeMs()
    if (ageMs !== null) this.#overAt = Math.max(this.#overAt, now - ageMs + leaseMs)
    if (now < this.#overAt) {
      this.#wait(this.#overAt)
    } else if (now - dueAt > LATE_MS) {
      this.#wait(now + ASK_MS)
    } else {
      this.#timer = undefined
      onOver()
    }
  }
}

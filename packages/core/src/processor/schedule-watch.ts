import type { Clock } from '../model/clock.ts'

/** So that of many processes that wait for the same tick one fires it, and most of the others find it done. */
const SPREAD_MS = 20

/** After a failure: the next look at the store is not far either. */
const RETRY_MS = 1000

export interface ScheduleWatchOptions {
  readonly clock: Clock
  /** Fires what is due; the milliseconds until something else is. */
  readonly fire: () => Promise<{ readonly nextDueMs: number | null }>
  /** Has the worker look at the store in so many milliseconds, if it would not sooner. */
  readonly lookIn: (inMs: number) => void
  readonly onError: (error: unknown) => void
}

/** Has a worker fire schedules when they are due, by what its usual look at the store tells: no statement of its own. */
export class ScheduleWatch {
  readonly #options: ScheduleWatchOptions
  #isFiring = false

  constructor(options: ScheduleWatchOptions) {
    this.#options = options
  }

  /** The store was asked: the next tick is due in `dueMs`, or none. */
  told(dueMs: number | null): void {
    if (dueMs === null) return
    if (dueMs > 0) this.#lookIn(dueMs)
    else if (!this.#isFiring) void this.#fire()
  }

  #lookIn(dueMs: number): void {
    const { clock, lookIn } = this.#options
    lookIn(Math.ceil(dueMs) + 1 + clock.random() * SPREAD_MS)
  }

  async #fire(): Promise<void> {
    this.#isFiring = true
    try {
      const { nextDueMs } = await this.#options.fire()
      if (nextDueMs !== null) this.#lookIn(nextDueMs)
    } catch (error) {
      this.#options.onError(error)
      this.#options.lookIn(RETRY_MS)
    } finally {
      this.#isFiring = false
    }
  }
}

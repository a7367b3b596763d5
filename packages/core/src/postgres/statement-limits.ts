import { MAX_TIMER_MS } from '../model/clock.ts'

interface Limit {
  readonly endsAt: number
  readonly onPassed: () => void
}

/**
 * The time limits of all statements under way, on one timer. A timer for each would be made and cleared a thousand times for every
 * one that fires; this one is left running by a statement that ends, and finds later that there is nothing to do.
 */
export class StatementLimits {
  readonly #limits = new Set<Limit>()
  #timer: NodeJS.Timeout | undefined
  #firesAt = Number.POSITIVE_INFINITY

  /** Calls `onPassed` in `limitMs`, unless what this returns is called before. */
  start(limitMs: number, onPassed: () => void): () => void {
    const limit = { endsAt: performance.now() + Math.min(limitMs, MAX_TIMER_MS), onPassed }
    this.#limits.add(limit)
    if (limit.endsAt < this.#firesAt) this.#fireAt(limit.endsAt)
    return () => this.#limits.delete(limit)
  }

  /** Stops the timer, unless a statement on somebody else's pool is still under way: its limit holds. */
  close(): void {
    if (this.#limits.size > 0) return
    clearTimeout(this.#timer)
    this.#firesAt = Number.POSITIVE_INFINITY
  }

  #fireAt(time: number): void {
    clearTimeout(this.#timer)
    this.#firesAt = time
    // What a statement waits for keeps the process alive by itself.
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, time - performance.now())).unref()
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const limit of this.#limits) {
      if (limit.endsAt > now) {
        next = Math.min(next, limit.endsAt)
      } else {
        this.#limits.delete(limit)
        limit.onPassed()
      }
    }
    if (next < this.#firesAt) this.#fireAt(next)
  }
}

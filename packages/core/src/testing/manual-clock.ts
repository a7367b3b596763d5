import type { Clock, Timer } from '../model/clock.ts'
import { turn } from './gate.ts'

interface Pending {
  readonly dueAt: number
  readonly order: number
  readonly callback: () => void
}

/**
 * A clock that stands still until it is told to move, so that a test of a time limit takes no time and has one outcome.
 * Timers fire in the order of their due times, then of their making.
 */
export class ManualClock implements Clock {
  readonly #pending = new Set<Pending>()
  readonly #random: () => number
  #now: number
  #made = 0

  /** @param options - `startMs` is the first reading (default 0); `random` answers `random()` (default always 0.5). */
  constructor(options: { readonly startMs?: number; readonly random?: () => number } = {}) {
    this.#now = options.startMs ?? 0
    this.#random = options.random ?? (() => 0.5)
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  soon(callback: () => void): void {
    setImmediate(callback)
  }

  date(): Date {
    return new Date(this.#now)
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { dueAt: this.#now + Math.max(0, delayMs), order: this.#made++, callback }
    this.#pending.add(timer)
    return { cancel: () => void this.#pending.delete(timer) }
  }

  /** How many timers wait; 0 once everything under test has cleaned up. */
  get pendingTimers(): number {
    return this.#pending.size
  }

  /** Milliseconds until the next timer fires; `null` when none waits. */
  get nextTimerMs(): number | null {
    const next = this.#next()
    return next === undefined ? null : next.dueAt - this.#now
  }

  /**
   * Moves the clock forward and fires what becomes due, timers made meanwhile included. Promises settle before
   * each timer fires, and before this resolves.
   */
  async advance(ms: number): Promise<void> {
    await turn()
    const target = this.#now + ms
    for (let timer = this.#next(); timer !== undefined && timer.dueAt <= target; timer = this.#next()) {
      this.#now = timer.dueAt
      this.#pending.delete(timer)
      timer.callback()
      await turn()
    }
    this.#now = target
    await turn()
  }

  #next(): Pending | undefined {
    let first: Pending | undefined
    for (const timer of this.#pending) {
      if (
        first === undefined ||
        timer.dueAt < first.dueAt ||
        (timer.dueAt === first.dueAt && timer.order < first.order)
      ) {
        first = timer
      }
    }
    return first
  }
}

/**
 * Time and chance as the worker runtime sees them.
 *
 * The rooms that run jobs take every reading of a clock, every timer and every random number from here, so that a
 * test can put a seeded simulation in their place. None of it decides when a job is due: that is the store's clock.
 */
export interface Clock {
  /** Milliseconds of a clock that never steps back; only differences mean something. */
  now(): number
  /** Calls `callback` once after `delayMs` (0 to 2^31-1); the answer cancels it. */
  after(delayMs: number, callback: () => void, options?: TimerOptions): Timer
  /** Calls `callback` after the work at hand and whatever input is ready, without a delay. */
  soon(callback: () => void): void
  /** What the process takes the time of day to be: for display only, nothing is decided by it. */
  date(): Date
  /** Uniform in `[0, 1)`. */
  random(): number
}

export interface TimerOptions {
  /** Whether the pending timer keeps the process alive. Default `true`. */
  readonly keepAlive?: boolean
}

export interface Timer {
  cancel(): void
}

/** The longest delay a Node timer holds; anything above fires at once. */
export const MAX_TIMER_MS = 2_147_483_647

/** The process's own clock, timers and randomness. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback, options) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS))
    if (options?.keepAlive === false) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  soon: (callback) => void setImmediate(callback),
  date: () => new Date(),
  random: () => Math.random(),
}

/** Waits `delayMs`, or until `signal` aborts; not at all if it has. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true || delayMs <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(delayMs, end)
    signal?.addEventListener('abort', end)
  })
}

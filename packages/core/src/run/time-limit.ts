import { MillraceError } from '../errors.ts'
import { MAX_TIMER_MS, type Clock, type Timer } from '../model/clock.ts'
import type { OnTimeoutCallback } from '../model/handler.ts'

export interface TimeLimitOptions {
  readonly clock: Clock
  /** The first limit, and what `prolong()` without a number means. */
  readonly limitMs: number
  /** Called once, with the duration armed last, when time is up and no callback has extended it. */
  readonly onExpire: (limitMs: number) => void
  /** Called whenever the limit moves, with its distance from now. */
  readonly onProlong: (ms: number) => void
}

/** The time limit of one attempt, running from its construction until it expires or is cancelled. */
export class TimeLimit {
  readonly #options: TimeLimitOptions
  #timer: Timer | undefined
  #armedMs = 0
  #deadline = 0
  #isMoved = false
  #callback: OnTimeoutCallback | undefined

  constructor(options: TimeLimitOptions) {
    this.#options = options
    this.#start(options.limitMs)
  }

  /** When time is up, as `clock.now()` counts. */
  get deadline(): number {
    return this.#deadline
  }

  /** Sets the callback that is asked before the limit expires; a later one replaces it. */
  onTimeout(callback: OnTimeoutCallback): void {
    this.#callback = callback
  }

  /** @throws MillraceError `OPTION_INVALID` unless `ms` is a positive, finite number or absent. */
  prolong(ms: number = this.#options.limitMs): void {
    if (!isDuration(ms)) throw prolongRefused(ms)
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#move(ms)
  }

  /** Starts the original limit again, unless it has moved already. */
  restart(): void {
    if (this.#timer === undefined || this.#isMoved) return
    this.#timer.cancel()
    this.#start(this.#options.limitMs)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #move(ms: number): void {
    this.#isMoved = true
    this.#start(ms)
    this.#options.onProlong(ms)
  }

  #start(ms: number): void {
    this.#armedMs = ms
    this.#deadline = this.#options.clock.now() + ms
    this.#wait(ms)
  }

  /** Longer waits than a timer holds are made of several. */
  #wait(ms: number): void {
    this.#timer = this.#options.clock.after(Math.min(ms, MAX_TIMER_MS), () => this.#elapsed())
  }

  #elapsed(): void {
    const restMs = this.#deadline - this.#options.clock.now()
    // A timer may fire a fraction of a millisecond early; that is no reason to wait again.
    if (restMs >= 1) {
      this.#wait(restMs)
      return
    }
    const extensionMs = askForMore(this.#callback)
    // The callback may have called `prolong`, or the attempt may have ended in it.
    if (this.#timer === undefined || this.#deadline - this.#options.clock.now() >= 1) return
    if (isDuration(extensionMs)) {
      this.#move(extensionMs)
    } else {
      this.#timer = undefined
      this.#options.onExpire(this.#armedMs)
    }
  }
}

/** The error of `prolong` for anything but a positive, finite number. */
export function prolongRefused(ms: unknown): MillraceError {
  return new MillraceError('OPTION_INVALID', `\`prolong\` takes a positive number of milliseconds, got ${String(ms)}`, {
    details: { field: 'ms', value: ms, remedy: 'leave it out to start the original `timeoutMs` again' },
  })
}

/** Whether `ms` is a positive, finite number. */
export function isDuration(ms: unknown): ms is number {
  return typeof ms === 'number' && Number.isFinite(ms) && ms > 0
}

/** What the callback answers; `undefined` if there is none or it throws. */
function askForMore(callback: OnTimeoutCallback | undefined): unknown {
  if (callback === undefined) return undefined
  try {
    const answer: unknown = callback()
    // A promise comes too late, but its rejection must not end the process.
    if (typeof answer === 'object' && answer !== null) Promise.resolve(answer).catch(() => undefined)
    return answer
  } catch {
    return undefined
  }
}

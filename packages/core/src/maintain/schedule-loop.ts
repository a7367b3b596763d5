import type { Clock, Timer } from '../model/clock.ts'
import type { ScheduleFirer } from './schedule-firer.ts'

/** Schedules that other processes add are found within this time, notification or not. */
const LONGEST_PAUSE_MS = 1000

export interface ScheduleLoopOptions {
  readonly firer: ScheduleFirer
  readonly clock: Clock
  /** Whether somebody in this process, who looks at the store anyway, fires what is due. */
  readonly isCovered: () => boolean
  readonly onError: (error: unknown) => void
}

/** Fires schedules on time, for a process without a processor: one statement a second, and one when something is due. */
export class ScheduleLoop {
  readonly #options: ScheduleLoopOptions
  #timer: Timer | undefined
  #unwatch: (() => void) | undefined
  #current: Promise<void> = Promise.resolve()
  #isStopped = true
  #isRunning = false

  constructor(options: ScheduleLoopOptions) {
    this.#options = options
  }

  start(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#unwatch = this.#options.firer.watch(() => this.#arm(0))
    this.#arm(0)
  }

  /** Resolves once nothing is under way any more. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#unwatch?.()
    return this.#current
  }

  #arm(delayMs: number): void {
    if (this.#isRunning || this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#current = this.#turn()
    })
  }

  async #turn(): Promise<void> {
    const { firer, isCovered, onError } = this.#options
    this.#isRunning = true
    let pauseMs = LONGEST_PAUSE_MS
    try {
      const nextDueMs = isCovered() ? null : (await firer.fire()).nextDueMs
      if (nextDueMs !== null) pauseMs = Math.min(pauseMs, Math.ceil(nextDueMs) + 1)
    } catch (error) {
      onError(error)
    }
    this.#isRunning = false
    this.#arm(pauseMs)
  }
}

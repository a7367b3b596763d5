import type { Clock } from '../model/clock.ts'

/** A handler that ignores its time limit and the abort of its signal gets so much longer before the lease is let go. */
const GRACE_MS = 5000

interface Limited {
  /** When its time limit is over, by the clock; `null` for none. */
  readonly deadline: number | null
}

/**
 * Says until when the main thread must move again: the grace after the first time limit of what runs, or after it moved last if
 * that was later. A worker that blocks for good has to lose its lease. One whose handlers block it one after the other does not, also
 * while a job beside them has used up its time and could not be told.
 */
export class LimitWatch {
  readonly #clock: Clock
  readonly #tell: (inMs: number | null) => void
  #first: number | null = null

  /** @param tell - Takes the milliseconds from now; `null` while nothing that runs has a limit. */
  constructor(clock: Clock, tell: (inMs: number | null) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** An attempt begins whose time is up at `deadline` of the clock. */
  begun(deadline: number): void {
    if (this.#first === null || deadline < this.#first) this.#first = deadline
    this.moved()
  }

  /** The main thread is at work. */
  moved(): void {
    if (this.#first !== null) this.#tell(Math.max(0, this.#first - this.#clock.now()) + GRACE_MS)
  }

  /** Attempts have ended, with a limit among them or not; `running` are left. */
  ended(hadLimit: boolean, running: Iterable<Limited>): void {
    if (hadLimit) {
      this.#first = null
      for (const { deadline } of running) {
        if (deadline !== null && (this.#first === null || deadline < this.#first)) this.#first = deadline
      }
      if (this.#first === null) this.#tell(null)
    }
    this.moved()
  }
}

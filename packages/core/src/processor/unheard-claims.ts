import type { Clock, Timer } from '../model/clock.ts'

/**
 * A claim whose reply was lost may even take effect after it was looked for. So it is looked for again after this long, and
 * then in ever longer intervals.
 */
const FIRST_MS = 5000
const LONGEST_MS = 300_000

/**
 * When to look for claims that took effect without our hearing of it. Their jobs are leased to a live worker that does
 * not know of them: nothing else would ever free them.
 */
export class UnheardClaims {
  readonly #clock: Clock
  readonly #onDue: () => void
  #isDue = false
  /** Until the next look; absent while no reply has been lost. */
  #nextMs: number | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Whether to look now. */
  get isDue(): boolean {
    return this.#isDue
  }

  /** A claim has failed, and may have taken effect or may yet. */
  suspect(): void {
    this.#isDue = true
    this.#nextMs = FIRST_MS
  }

  /** Somebody has looked, and knows of all there is now. */
  looked(): void {
    this.#isDue = false
    if (this.#nextMs === undefined) return
    this.#timer?.cancel()
    this.#timer = this.#clock.after(this.#nextMs, () => {
      this.#timer = undefined
      this.#isDue = true
      this.#onDue()
    })
    this.#nextMs = Math.min(2 * this.#nextMs, LONGEST_MS)
  }

  /** The row they were made for is gone, and they with it. */
  forget(): void {
    this.#isDue = false
    this.#nextMs = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

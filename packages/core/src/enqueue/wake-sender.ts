import type { Clock, Timer } from '../model/clock.ts'
import { toError } from '../model/error-record.ts'
import type { EnqueueStore } from '../store/enqueue.ts'

/** Workers are notified at most this often; a notification costs a round trip and wakes every process. */
const MIN_INTERVAL_MS = 5

export interface WakeSenderOptions {
  readonly store: Pick<EnqueueStore, 'wake'>
  readonly clock: Clock
  readonly onError: (error: Error) => void
}

/**
 * Sends wake-ups for the levels that gained ready jobs: the first at once, those that follow within 5 ms together at the
 * end of it. A wake-up that fails costs at most one poll, so it is reported and forgotten.
 */
export class WakeSender {
  readonly #options: WakeSenderOptions
  readonly #levels = new Set<number>()
  readonly #sending = new Set<Promise<void>>()
  #lastSentAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(options: WakeSenderOptions) {
    this.#options = options
  }

  /**
   * Whether a statement that adds now may notify by itself, which spares the wake-up its round trip. The answer `true`
   * counts as one sent: what follows within 5 ms waits.
   */
  takeTurn(): boolean {
    const now = this.#options.clock.now()
    if (this.#timer !== undefined || now < this.#lastSentAt + MIN_INTERVAL_MS) return false
    this.#lastSentAt = now
    return true
  }

  /** Notes that ready jobs were added at `priorities`, and sends or defers the wake-up. */
  wake(priorities: Iterable<number>): void {
    for (const priority of priorities) this.#levels.add(priority)
    if (this.#timer !== undefined || this.#levels.size === 0) return
    const waitMs = this.#lastSentAt + MIN_INTERVAL_MS - this.#options.clock.now()
    if (waitMs <= 0) this.#send()
    else this.#timer = this.#options.clock.after(waitMs, () => this.#send())
  }

  /** Sends what is deferred and waits for everything under way. */
  async flush(): Promise<void> {
    if (this.#timer !== undefined) this.#send()
    await Promise.all(this.#sending)
  }

  #send(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#lastSentAt = this.#options.clock.now()
    const priorities = [...this.#levels]
    this.#levels.clear()
    const sending = this.#trySend(priorities).finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }

  async #trySend(priorities: readonly number[]): Promise<void> {
    try {
      await this.#options.store.wake({ priorities })
    } catch (error) {
      this.#options.onError(toError(error))
    }
  }
}

/** Only what will start within this time is fetched ahead. */
const AHEAD_MS = 100

/** Two full claims: one being worked off while the next is on its way. */
const MAX_JOBS = 2000

/** Payloads waiting in memory stay below this, judged by the recent average. */
const MAX_BYTES = 8 * 1024 * 1024

/** Weight of the newest measurement. */
const WEIGHT = 0.2

/**
 * How many jobs a worker fetches beyond its free slots: as many as its measured handler time will start within 100 ms.
 * None at concurrency 1, where strict order matters more than speed, and none before anything was measured.
 */
export class Prefetch {
  readonly #concurrency: number
  readonly #most: number
  #handlerMs: number | undefined
  #payloadBytes = 0

  /** @param options - `most`: the user's own bound, or `'auto'`; 0 turns it off. */
  constructor(options: { readonly concurrency: number; readonly most: number | 'auto' }) {
    this.#concurrency = options.concurrency
    this.#most = options.concurrency === 1 ? 0 : options.most === 'auto' ? MAX_JOBS : options.most
  }

  measured(handlerMs: number, payloadBytes: number): void {
    this.#handlerMs =
      this.#handlerMs === undefined ? handlerMs : this.#handlerMs + WEIGHT * (handlerMs - this.#handlerMs)
    this.#payloadBytes += WEIGHT * (payloadBytes - this.#payloadBytes)
  }

  /**
   * What was fetched waited in vain: the handlers of now are not those that were measured. Nothing more until one of them ends, or
   * the exchange that hands back would claim the same again.
   */
  stalled(): void {
    this.#handlerMs = undefined
  }

  /** Jobs to hold ready beside those that run. */
  get target(): number {
    if (this.#most === 0 || this.#handlerMs === undefined) return 0
    const startable = Math.floor((this.#concurrency * AHEAD_MS) / Math.max(this.#handlerMs, 0.001))
    const affordable = Math.floor(MAX_BYTES / Math.max(this.#payloadBytes, 1))
    return Math.min(this.#most, startable, affordable)
  }
}

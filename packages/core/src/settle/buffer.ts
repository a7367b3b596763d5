import type { Settlement, SettleResult } from '../store/settle.ts'

/** A settlement on its way to the store, and who wants to know how it went. */
export interface PendingSettlement {
  readonly settlement: Settlement
  /** Called once: recorded, refused because the lease was gone, or given up on with the error that repeats. */
  onSettled(result: SettleResult, error?: unknown): void
  /** What to record instead when the store refuses this one for good, such as an output that it cannot hold. */
  insteadOf?(error: unknown): PendingSettlement | null
}

/** So many go in one statement; more would only delay the replies of the first. */
export const MAX_BATCH = 1000

/**
 * What waits to be recorded. Batches are whatever gathered while the last one was under way: one when the worker is
 * quiet, hundreds when it is not. A batch whose outcome is unknown goes back to the front and is sent again under the
 * same tokens, which the store recognises.
 */
export class SettleBuffer {
  #waiting: PendingSettlement[] = []
  #underway = 0
  readonly #repeated = new WeakSet<PendingSettlement>()
  readonly #keepsHistory: boolean

  /** @param options - `keepsHistory`: whether the store can still tell, of a completion sent twice, that it was recorded. */
  constructor(options: { readonly keepsHistory: boolean }) {
    this.#keepsHistory = options.keepsHistory
  }

  /** Not yet recorded, under way or waiting. */
  get size(): number {
    return this.#waiting.length + this.#underway
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(pending: PendingSettlement): void {
    this.#waiting.push(pending)
  }

  /** The next batch, oldest first; it counts as under way until `done` or `putBack`. */
  take(): readonly PendingSettlement[] {
    const batch = this.#waiting.length <= MAX_BATCH ? this.#waiting : this.#waiting.slice(0, MAX_BATCH)
    this.#waiting = batch === this.#waiting ? [] : this.#waiting.slice(MAX_BATCH)
    this.#underway += batch.length
    return batch
  }

  done(batch: readonly PendingSettlement[], results: readonly SettleResult[]): void {
    this.#underway -= batch.length
    for (const [index, pending] of batch.entries()) pending.onSettled(this.#resultOf(pending, results[index] ?? 'lost'))
  }

  /** The store refuses this one for good. Something else is recorded in its place, if there is anything. */
  refuse(pending: PendingSettlement, error: unknown): void {
    this.#underway -= 1
    const instead = pending.insteadOf?.(error) ?? null
    if (instead === null) pending.onSettled('lost', error)
    else this.#waiting.push(instead)
  }

  putBack(batch: readonly PendingSettlement[]): void {
    this.#underway -= batch.length
    for (const pending of batch) this.#repeated.add(pending)
    this.#waiting = [...batch, ...this.#waiting]
  }

  /** Tokens of everything not yet recorded, to tell lost claims from settled ones. */
  tokens(): number[] {
    return this.#waiting.map(({ settlement }) => settlement.token)
  }

  /**
   * Without history a completed job leaves no trace. One that is gone when its completion is sent for the second time was
   * in all likelihood completed by the first.
   */
  #resultOf(pending: PendingSettlement, result: SettleResult): SettleResult {
    const isGone = result === 'lost' && pending.settlement.kind === 'completed'
    return isGone && !this.#keepsHistory && this.#repeated.has(pending) ? 'settled' : result
  }
}

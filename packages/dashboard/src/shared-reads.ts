const SHORTEST_MS = 1000
/** A reading costs the database at most this share of the time, however many look. */
const SHARE = 20
const MAX_KEPT = 100

interface Kept {
  readonly value: Promise<unknown>
  /** Infinity while it is under way. */
  staleAt: number
}

/** Answers of the costlier reads, shared by all who ask for the same within a moment. */
export class SharedReads {
  readonly #kept = new Map<string, Kept>()

  /** @param key - Whatever the answer depends on, the tenant included. */
  read<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key)
    if (known !== undefined && Date.now() < known.staleAt) return known.value as Promise<T>
    const startedAt = performance.now()
    const value = read()
    const kept: Kept = { value, staleAt: Number.POSITIVE_INFINITY }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break
      this.#kept.delete(oldest)
    }
    value.then(
      () => {
        kept.staleAt = Date.now() + Math.max(SHORTEST_MS, (performance.now() - startedAt) * SHARE)
      },
      () => this.#forget(key, kept),
    )
    return value
  }

  /** After a change: what was read before it is not shown any more. */
  clear(): void {
    this.#kept.clear()
  }

  #forget(key: string, kept: Kept): void {
    if (this.#kept.get(key) === kept) this.#kept.delete(key)
  }
}

/** One table or index set of the store. */
export interface TableVitals {
  readonly name: string
  /** With its indexes. */
  readonly bytes: number
  /** Of its indexes alone. */
  readonly indexBytes: number
  /** By the database's statistics. */
  readonly liveRows: number
  /** Not reclaimed yet. */
  readonly deadRows: number
  readonly vacuumedAt: Date | null
}

/** How the database of a store is. What a store has no word for is `null`. */
export interface StoreVitals {
  readonly kind: 'postgres' | 'pglite' | 'redis'
  readonly version: string
  readonly bytes: number
  /** What `bytes` may grow to; `null`: no limit is set. */
  readonly maxBytes: number | null
  /** Largest first. */
  readonly tables: readonly TableVitals[]
  readonly connections: { readonly used: number; readonly max: number | null } | null
  /** Of the whole server: as long as it is open, nothing that was deleted since can be reclaimed, and claims get slower. */
  readonly oldestTransaction: {
    readonly ageMs: number
    readonly state: string
    readonly application: string
  } | null
  /** Transactions since the oldest that must still be seen, of 2,000 million at which the server stops. */
  readonly xminAge: number | null
  /** How far the server's clock is ahead of this process's, in milliseconds, give or take a round trip. */
  readonly clockSkewMs: number
}

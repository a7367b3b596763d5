import type { EventOf, Recorded } from '../history/event.ts'
/**
 * What the database's clock may have shown at a moment of the monotonic clock, by the readings before and after it. A
 * reading leaves open when between question and answer it was taken, and a clock may be set between two readings, so the
 * answer is a range.
 */
export declare class DbClock {
  #private
  constructor(readings: readonly Recorded<EventOf<'db-clock'>>[])
  get isKnown(): boolean
  earliest(at: number): number
  latest(at: number): number
  /** The earliest moment at which the database's clock certainly shows `dbMs` or more. */
  certainlyAt(dbMs: number): number
}
//# sourceMappingURL=db-clock.d.ts.map

import type { Recorded } from './event.ts'
/** A whole run in one order, and what could not be read of it. */
export interface History {
  readonly events: readonly Recorded[]
  /** Files whose last line is torn: their process was killed in the middle of it. */
  readonly torn: readonly string[]
}
/**
 * Reads all `*.jsonl` of a folder into one history, ordered by the monotonic clock; lines of one file stay in their order.
 * A last line without an end is left out; any other line that is no event is an error, for a history with holes proves
 * nothing.
 */
export declare function readHistory(folder: string): History
/** Events with their places in one order; ties keep the order given. Also for histories made by hand. */
export declare function inOrder(written: readonly Omit<Recorded, 'index'>[]): Recorded[]
//# sourceMappingURL=read-history.d.ts.map

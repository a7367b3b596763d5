import type { EventOf, Recorded } from '../history/event.ts'
import type { FaultEffect } from '../history/run-event.ts'
import { type Bounds } from './bounds.ts'
import { type Span, Spans } from './spans.ts'
type FaultEvent = Recorded<EventOf<'fault'>>
type StallEvent = Recorded<EventOf<'stall'>>
/** A fault from its beginning to its end. */
export interface Fault extends Span {
  readonly name: string
  readonly effect: FaultEffect
  /** Processes it hit; absent: all. */
  readonly workers: readonly string[] | undefined
  readonly silent: boolean
  readonly begin: FaultEvent
}
/** What one process had to put up with, by what each question needs to know. */
export interface Troubles {
  /** It could not run or not reach the database: long enough, and its lease may be gone. */
  readonly away: Spans
  /** A statement of it may have been lost, or its answer. */
  readonly severed: Spans
  /** Anything that makes it late. */
  readonly hampered: Spans
  /** The same, and the time it may take to be at work again. */
  readonly recovering: Spans
}
/** Pairs beginnings with ends. A fault without an end lasts to the end of the history. */
export declare function pairFaults(events: readonly FaultEvent[], bounds: Bounds): Fault[]
/** @param worker - Undefined: of nobody in particular, such as a producer: what hit everybody. */
export declare function troublesOf(
  worker: string | undefined,
  faults: readonly Fault[],
  stalls: readonly StallEvent[],
  bounds: Bounds,
): Troubles
export {}
//# sourceMappingURL=troubles.d.ts.map

import { type Span } from './spans.ts'
import { type Exec, type Timeline, type Worker } from './timeline.ts'
/** Who had room for another job when. */
export declare class Slots {
  #private
  constructor(timeline: Timeline)
  /** Whether some worker that takes such jobs was at work, unhampered, with a free slot, for the whole window. */
  someoneIsFree(jobType: string, from: number, to: number): boolean
  freeWorkers(jobType: string, from: number, to: number): readonly Worker[]
  /** From when on a worker that lives to the end has had room for such jobs all the time; Infinity: none. */
  freeSince(jobType: string): number
}
/** How many run after each beginning and end. What ends when another begins does not run beside it. */
export declare function occupancy(
  execs: readonly Exec[],
  spanOf: (exec: Exec) => Span,
): {
  readonly at: number
  readonly running: number
  readonly begun: Exec | undefined
}[]
/**
 * While an execution counts against a limit: from its start until it ended, was told to stop, was taken over or restarted by
 * somebody, its process died, or the lease of a worker out of reach may have ended.
 */
export declare function heldSpan(timeline: Timeline, exec: Exec): Span
//# sourceMappingURL=slots.d.ts.map

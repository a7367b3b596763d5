import { type Timeline } from './timeline.ts'
/**
 * What a run must have seen to say anything. A history in which nothing happened violates nothing, so what was meant to happen
 * is asserted too.
 */
export interface Coverage {
  /** How often each thing happened. */
  readonly seen: Readonly<Record<string, number>>
  /** What had to happen at least once, and did not. */
  readonly missing: readonly string[]
}
export declare function coverageOf(timeline: Timeline): Coverage
//# sourceMappingURL=coverage.d.ts.map

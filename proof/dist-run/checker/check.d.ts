import type { Recorded } from '../history/event.ts'
import type { RunParams } from '../history/run-event.ts'
import { type Counters } from './counters.ts'
import { type Coverage } from './coverage.ts'
import { type GuaranteeId, type Violation } from './violation.ts'
/** What a history says of a promise. */
export interface Verdict {
  readonly guarantee: GuaranteeId
  readonly title: string
  readonly verdict: 'held' | 'violated' | 'not exercised'
  /** How often it was put to the test. */
  readonly examined: number
  readonly violations: readonly Violation[]
}
/** Everything the checker says of a run. */
export interface Judgement {
  readonly params: RunParams
  readonly verdicts: readonly Verdict[]
  readonly counters: Counters
  readonly coverage: Coverage
  /** Nothing was violated, and the run was one: what it meant to happen did happen. */
  readonly isGreen: boolean
}
/**
 * Holds a history against every promise.
 *
 * @param params - Default: those of the history's `run` event; throws if there are none.
 */
export declare function check(history: readonly Recorded[], params?: RunParams): Judgement
//# sourceMappingURL=check.d.ts.map

import { type Judgement } from '../checker/check.ts'
import type { RunOutcome } from './run.ts'
/** What a run has shown. */
export interface Verdict {
  readonly seed: number
  readonly outcome: RunOutcome
  readonly judgement: Judgement
  /** Everything that is wrong, with the events that show it. Empty: the run is green. */
  readonly violations: readonly string[]
}
/** Holds what a run recorded against what is promised. */
export declare function judge(seed: number, folder: string, outcome: RunOutcome): Verdict
//# sourceMappingURL=verdict.d.ts.map

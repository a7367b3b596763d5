import { type Timeline } from './timeline.ts'
import type { Finding, GuaranteeId } from './violation.ts'
/** The figures a run is published with. */
export interface Counters {
  readonly acknowledged: number
  /** Adds whose outcome their caller was not told. */
  readonly unknownAdds: number
  readonly executions: number
  readonly succeeded: number
  /** Acknowledged and gone. */
  readonly lost: number
  /** Acknowledged, due, and not ended in time. */
  readonly limbo: number
  /** Neither ended nor overdue when the run ended. */
  readonly undecided: number
  /** Executions beside another one whose worker was well. */
  readonly overlaps: number
  /** Executions beside another one that had lost the job: permitted, and fenced. */
  readonly fencedOverlaps: number
  readonly staleWrites: number
  readonly limitOverruns: number
  readonly doubledKeys: number
  /** Of handlers that succeeded, those run again because the answer to their record was lost. */
  readonly rerunsOfSuccesses: number
  /** Of all, as a fraction. */
  readonly rerunRatio: number
  readonly kills: number
  /** From the end of a killed process to the next start of each job it ran, at worst; jobs with nobody free are left out. */
  readonly recoveryMaxMs: number | undefined
  readonly recoveries: number
  /** From the server's return to the next start, at worst. */
  readonly resumeMaxMs: number | undefined
  readonly resumptions: number
}
export declare function countersOf(
  timeline: Timeline,
  verdicts: readonly (Finding & {
    readonly guarantee: GuaranteeId
  })[],
): Counters
//# sourceMappingURL=counters.d.ts.map

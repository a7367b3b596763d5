import { type At, type Exec, type Job, type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G4: a job is reported completed only when a handler has succeeded, cancelled only when somebody cancelled it, as it is
 * while its handler runs; what is final stays so unless a caller restarts it; and nothing impossible is stored. That it was
 * the *current* execution that completed a job is G7's business.
 */
export declare function checkTruthfulStates(timeline: Timeline): Finding
/** Readings that say something else than `processing` of a job that one execution holds for certain. */
export declare function contradictions(
  timeline: Timeline,
  job: Job,
): readonly {
  readonly exec: Exec
  readonly state: At<'state'>
}[]
/** The execution that has lost the job to `exec` and ended, or reported, before the reading. */
export declare function olderDisturbance(exec: Exec, state: At<'state'>): Exec | undefined
//# sourceMappingURL=truthful-states.d.ts.map

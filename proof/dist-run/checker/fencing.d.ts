import { type Exec, type Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'
/**
 * G7: an execution that has lost its job changes nothing. Its success does not complete the job, its output is not kept, its
 * failure does not disturb its successor, what it reports is refused, and it is told within 3 s of being able to run. Tokens of
 * a job only grow.
 */
export declare function checkFencing(timeline: Timeline): Finding
/** Writes of executions that had lost their job, and were accepted. */
export declare function checkReports(findings: Findings, exec: Exec): void
//# sourceMappingURL=fencing.d.ts.map

import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G5: an execution that follows another one has a cause in it: that one failed, ran out of time, was handed back, its process
 * died or was away for longer than the lease, or somebody restarted the job. One that succeeded and whose record may have been
 * lost with its connection is counted by G19, one that a drain led to by G18.
 */
export declare function checkDuplicates(timeline: Timeline): Finding
/** G6: two executions of a job run at once only if the earlier one's worker was away for longer than the lease, or its handler goes on after it was told to stop. */
export declare function checkExclusiveLease(timeline: Timeline): Finding
//# sourceMappingURL=executions.d.ts.map

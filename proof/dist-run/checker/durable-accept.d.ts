import { type At, type Job, type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G1: an acknowledged job is there until it has ended. A job that is in no complete reading, or reported missing, though it
 * was acknowledged and nobody ran it to its end, is lost.
 */
export declare function checkDurableAccept(timeline: Timeline): Finding
/** Acknowledged by a database that a late standby replaced. */
export declare function mayBeLost(timeline: Timeline, acknowledged: number): boolean
export declare function ackOf(job: Job): At<'add-ok'> | undefined
//# sourceMappingURL=durable-accept.d.ts.map

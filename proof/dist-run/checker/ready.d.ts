import { type Job, type Timeline } from './timeline.ts'
/** Whether no group, lane, prerequisite or change decides when it starts. */
export declare function isFree(timeline: Timeline, job: Job): boolean
/** When it certainly was acknowledged and due. */
export declare function readyAt(timeline: Timeline, job: Job): number
//# sourceMappingURL=ready.d.ts.map

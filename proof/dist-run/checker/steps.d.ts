import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G27: a step whose value is stored is not run again by a later attempt, and gives the same value to all; an execution that has
 * lost its job stores none. A wait is not over before its time, and a token gives all who wait for it the value it was
 * completed with.
 */
export declare function checkSteps(timeline: Timeline): Finding
//# sourceMappingURL=steps.d.ts.map

import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G2: a job added in a caller's transaction exists if and only if the business row of that transaction does, and the jobs of
 * one call exist all together or not at all.
 */
export declare function checkAtomicAdd(timeline: Timeline): Finding
//# sourceMappingURL=atomic-add.d.ts.map

import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G12: of a group never more than its limit are executed at once over all processes, of a serial lane one, and in a worker no
 * more than its concurrency. An execution that has lost its job, or was told to stop, holds no place.
 */
export declare function checkConcurrency(timeline: Timeline): Finding
//# sourceMappingURL=concurrency.d.ts.map

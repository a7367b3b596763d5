import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G14: a dependent starts only when every prerequisite is completed, is released when they are, and is cancelled only for a
 * prerequisite that failed for good.
 */
export declare function checkDependencies(timeline: Timeline): Finding
//# sourceMappingURL=dependencies.d.ts.map

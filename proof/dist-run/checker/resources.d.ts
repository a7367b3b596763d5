import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/** G25: calls never wait for each other for ever, and memory and connections keep to their bounds. */
export declare function checkResources(timeline: Timeline): Finding
//# sourceMappingURL=resources.d.ts.map

import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G15: each tick of a schedule makes exactly one job over all processes, and nothing but its ticks does. Ticks of an outage may
 * be left out if the schedule says so.
 */
export declare function checkSchedules(timeline: Timeline): Finding
//# sourceMappingURL=schedules.d.ts.map

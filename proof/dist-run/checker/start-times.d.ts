import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/** G16: never before `runAt`, soon after it where a worker is free, and by priority, then age. */
export declare function checkDueTime(timeline: Timeline): Finding
/** G17: a job that is ready when it is added starts on a free worker within the poll interval, whatever notifications do. */
export declare function checkWakeUp(timeline: Timeline): Finding
//# sourceMappingURL=start-times.d.ts.map

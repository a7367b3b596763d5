import { type Exec, type Timeline, type Worker } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G18: a worker that drains starts nothing; its handlers have ended or been told to stop when the drain is over, which it is in
 * time; the process can leave; and no job that succeeded in a drain runs again.
 */
export declare function checkDrain(timeline: Timeline): Finding
/** The drain in which an execution succeeded or whose end its record may have missed. */
export declare function drainOf(timeline: Timeline, exec: Exec): Worker['drainBegin']
//# sourceMappingURL=drain.d.ts.map

import type { Recorded } from '../history/event.ts'
import { type At, type Exec, type Timeline } from './timeline.ts'
/** A call, and how long it was left without an answer when nothing stood in its way. */
export interface Call {
  readonly event: Recorded
  readonly answer: Recorded | undefined
  /** From the end of the last fault that may have held it up. */
  readonly waitedMs: number
  /** Whether connections were in trouble while it was under way. */
  readonly wasSevered: boolean
}
/** All calls of producers and handlers. */
export declare function calls(timeline: Timeline): readonly Call[]
/** A process that ended though nobody killed it or asked it to leave. */
export interface Crash {
  readonly event: At<'worker-gone'>
  /** A hostile handler that ran in it then, or just before. */
  readonly hostile: Exec | undefined
}
export declare function crashes(timeline: Timeline): readonly Crash[]
//# sourceMappingURL=calls.d.ts.map

import type { Recorded } from '../history/event.ts'
import { type Exec, type Timeline } from './timeline.ts'
/** An execution that began before its time. */
export interface EarlyStart {
  readonly exec: Exec
  readonly sentence: string
  readonly events: readonly (Recorded | undefined)[]
}
/** What a search for early starts saw. */
export interface EarlyStarts {
  readonly examined: number
  readonly found: readonly EarlyStart[]
}
/** Executions that began before `runAt` by the database's clock. */
export declare function startsBeforeRunAt(timeline: Timeline): EarlyStarts
/** Executions that began before the delay after a failure was over. */
export declare function startsBeforeRetry(timeline: Timeline): EarlyStarts
//# sourceMappingURL=early-starts.d.ts.map

import { type At, type Exec, type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/** What a killed worker left behind, and when it was taken up again. */
export interface Recovery {
  readonly worker: string
  readonly cut: Exec
  readonly gone: At<'worker-gone'>
  /** Undefined: it was not started again. */
  readonly restart: Exec | undefined
  /** From the end of the process to the next start. */
  readonly tookMs: number
  /** Whether somebody had a free slot all the time it was allowed to take, and nothing else went wrong. */
  readonly isFair: boolean
  readonly allowedMs: number
}
/** How long after a server came back the first handler started. */
export interface Resumption {
  readonly fault: At<'fault'>
  readonly from: number
  readonly first: At<'start'> | undefined
  readonly tookMs: number
  /** Whether there was work, and somebody to do it, and no further fault. */
  readonly isFair: boolean
}
/** G23: the jobs of a killed worker start elsewhere within L + 2 s, and work resumes within 5 s of the server's return. */
export declare function checkRecovery(timeline: Timeline): Finding
export declare function recoveries(timeline: Timeline): readonly Recovery[]
export declare function resumptions(timeline: Timeline): readonly Resumption[]
//# sourceMappingURL=recovery.d.ts.map

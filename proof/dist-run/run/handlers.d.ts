import { type JobContext, type JobHandler } from 'millrace'
import type { Recorder } from '../history/recorder.ts'
import { type Plan } from '../load/plan.ts'
/** Names the executions of one worker. */
export declare class Executions {
  #private
  constructor(recorder: Recorder, name: string)
  /** The handler of this attempt is about to be called, under `token`. */
  claimed(job: number, attempt: number, token: number): void
  of(job: number, attempt: number): string | undefined
  /** The store has what the job's attempt here reported. */
  stored(job: number, verb: Report['verb']): void
  /** Whether it has been stored since this was asked last. */
  takeStored(job: number, verb: Report['verb']): boolean
  /** Records that a handler began, and what its signal says from now on. */
  begin(payload: unknown, signal: AbortSignal, ctx: JobContext): string
}
/** The handlers of every job type of the load. */
export declare function createHandlers(executions: Executions, recorder: Recorder): Record<Plan['do'], JobHandler>
interface Report {
  readonly verb: 'progress' | 'output'
  readonly value: unknown
}
export {}
//# sourceMappingURL=handlers.d.ts.map

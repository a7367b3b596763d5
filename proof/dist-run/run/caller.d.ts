import { type JobQueue } from 'millrace'
import { type Recorder } from '../history/recorder.ts'
import type { Operation } from '../load/operation.ts'
export interface CallerOptions {
  readonly queue: JobQueue
  readonly recorder: Recorder
  /** Begins the names of its calls. */
  readonly name: string
  /** For transactions over a connection of the caller's own; absent: over the queue's. */
  readonly clientUrl: string | undefined
}
/** Performs operations on a queue and records what was asked and answered. */
export declare class Caller {
  #private
  constructor(options: CallerOptions)
  /** Never rejects: what goes wrong is an answer like any other. */
  perform(operation: Operation): Promise<void>
}
//# sourceMappingURL=caller.d.ts.map

import type { Recorder } from '../history/recorder.ts'
import type { Backend } from './backend.ts'
import { ChildProcesses } from './children.ts'
import type { Settings } from './settings.ts'
import type { WorkerTask } from './task.ts'
export interface ProcessesOptions {
  readonly settings: Settings
  readonly backend: Backend
  readonly recorder: Recorder
  /** Where histories go, and logs below it. */
  readonly folder: string
  readonly workers: number
  readonly producers: number
  readonly perSecond: number
  readonly shape: WorkerShape
}
/** What all workers of a run have in common. */
export type WorkerShape = Pick<WorkerTask, 'concurrency' | 'groupConcurrency' | 'pollMs' | 'heartbeatMs' | 'drainMs'>
/** The workers and producers of a run, each behind a proxy of its own. */
export declare class Processes {
  #private
  readonly workers: ChildProcesses
  readonly producers: ChildProcesses
  /** Processes that ended on their own, and should not have. */
  readonly surprises: string[]
  private constructor()
  static create(options: ProcessesOptions): Promise<Processes>
  get repliesLost(): number
  /** Ends whatever still runs, and the network with it. */
  close(): Promise<void>
}
//# sourceMappingURL=processes.d.ts.map

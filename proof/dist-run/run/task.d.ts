import type { JobQueueConfig } from 'millrace'
import type { LoadOptions } from './settings.ts'
/** How a process of the run reaches its queue. */
export type Connection =
  | {
      readonly store: 'postgres'
      /** Through the process's own proxy. */
      readonly port: number
      readonly user: string
      readonly poolSize: number
      /** Whether notifications pass: not through a transaction pooler. */
      readonly listen: boolean
      readonly migrate: 'auto' | 'check'
    }
  | {
      readonly store: 'pglite'
      readonly dataDir: string
    }
interface TaskBase {
  /** Names the process in the history. */
  readonly name: string
  readonly historyFolder: string
  readonly connection: Connection
  readonly leaseMs: number
}
export interface WorkerTask extends TaskBase {
  readonly concurrency: number
  readonly groupConcurrency: number
  readonly pollMs: number
  readonly heartbeatMs: number
  readonly drainMs: number
}
export interface ProducerTask extends TaskBase {
  readonly seed: number
  readonly load: LoadOptions
  readonly perSecond: number
}
/** The task of this process: its first argument, which the run that started it made. */
export declare function readTask<Task>(): Task
export declare function queueConfig(connection: Connection, leaseMs: number): JobQueueConfig
export declare function urlOf({ user, port }: { readonly user: string; readonly port: number }): string
/** Ends this process when the run that started it is gone. */
export declare function leaveWithParent(): void
export {}
//# sourceMappingURL=task.d.ts.map

import { type JobQueue } from 'millrace'
import type { Backend } from './backend.ts'
import type { Connection } from './task.ts'
/** An embedded database that the processes of the run share; one of them runs it, and may be killed. */
export declare class PgliteBackend implements Backend {
  #private
  readonly target: undefined
  readonly database: undefined
  private constructor()
  static start(folder: string): Promise<PgliteBackend>
  connectionFor(): Connection
  onMoved(): void
  openQueue(): JobQueue
  /** The embedded database has no clock of its own: it asks the machine. */
  clock(): Promise<number>
  log(): string
  stop(): Promise<void>
}
//# sourceMappingURL=pglite-backend.d.ts.map

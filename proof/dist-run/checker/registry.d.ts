import type { Recorded } from '../history/event.ts'
import { type Add, type Job, type Meant, type Worker } from './timeline.ts'
import type { Troubles } from './troubles.ts'
/** Files events under the jobs, executions, workers and calls they are about. */
export declare class Registry {
  #private
  readonly jobs: Map<number, Job>
  readonly workers: Map<string, Worker>
  readonly meant: Map<string, Meant[]>
  readonly idsOfRef: Map<string, Set<number>>
  constructor(troublesOf: (worker: string) => Troubles)
  get adds(): readonly Add[]
  take(event: Recorded): void
  /** Draws the conclusions that need the whole history. */
  finish(killTimes: ReadonlyMap<string, number>): void
}
//# sourceMappingURL=registry.d.ts.map

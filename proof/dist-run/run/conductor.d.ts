import type { ProcessSite } from '../faults/fault.ts'
import type { HistoryEvent } from '../history/event.ts'
import { type Step } from './schedule.ts'
import type { Database } from './database.ts'
export interface ConductorOptions {
  readonly site: Omit<ProcessSite, 'random'>
  /** Absent for a store without a server. */
  readonly database: Database | undefined
  readonly steps: readonly Step[]
  readonly record: (event: HistoryEvent) => void
  /** Told of each fault as it begins. */
  readonly onStep: (name: string) => void
}
/**
 * Plays a schedule: steps of one lane one after the other, lanes side by side. Whatever is in force when `signal` fires is
 * healed at once; once this has resolved nothing is broken any more.
 */
export declare function conduct(options: ConductorOptions, signal: AbortSignal): Promise<void>
//# sourceMappingURL=conductor.d.ts.map

import type { Fault } from '../faults/fault.ts'
export interface RunOptions {
  readonly seed: number
  readonly minutes: number
  readonly store: 'postgres' | 'pglite'
  readonly version: 18 | 14
  readonly faults: readonly Fault[]
  /** The chance of each condition among the faults to hold. */
  readonly conditionChance: number
  /** An empty folder for the history. */
  readonly folder: string
  readonly perSecond: number
  readonly workers: number
  readonly producers: number
  readonly say: (line: string) => void
}
/** What happened, besides what the history tells. */
export interface RunOutcome {
  readonly conditions: readonly string[]
  /** How often each fault was in force. */
  readonly injected: ReadonlyMap<string, number>
  readonly repliesLost: number
  /** What is wrong whatever the history says: impossible rows, processes that died by themselves or did not leave. */
  readonly problems: readonly string[]
  readonly serverLog: string
}
/** Short, so that a run of a minute sees many of them end. */
export declare const LEASE_MS = 3000
/** One run: a store, processes, load, faults, quiet, and a last look at everything. Its history is in `folder`. */
export declare function run(options: RunOptions): Promise<RunOutcome>
//# sourceMappingURL=run.d.ts.map

import { Child, type ChildSpec, type Exit } from './child.ts'
export interface ChildProcessesOptions {
  readonly count: number
  /** What the `boot`-th process in place `place` is started with. */
  readonly spec: (place: number, boot: number) => ChildSpec
  readonly onStarted: (child: Child) => void
  readonly onEnded: (child: Child, exit: Exit) => void
  /** How long a supervisor takes to start another process where one ended. */
  readonly respawnMs: number
}
/** Processes of one kind, kept at their number: where one ends, another takes its place. */
export declare class ChildProcesses {
  #private
  constructor(options: ChildProcessesOptions)
  start(): void
  /** Resolves once at least one runs. */
  anyRuns(): Promise<void>
  /** Those that run now. */
  running(): readonly Child[]
  /** Asks all to leave; those that have not after `graceMs` are killed, and named in the answer. */
  stop(graceMs: number): Promise<readonly string[]>
  /** Kills what runs and starts nothing more. */
  kill(): Promise<void>
}
//# sourceMappingURL=children.d.ts.map

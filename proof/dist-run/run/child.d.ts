import type { Proxy } from './proxy.ts'
/** How a process of a run ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}
export interface ChildSpec {
  /** Names the process in the history; new at every start. */
  readonly name: string
  readonly script: string
  /** Handed over as JSON. */
  readonly task: object
  readonly env?: Readonly<Record<string, string>>
  readonly nodeOptions?: readonly string[]
  /** Where what it prints goes. */
  readonly logFile: string
  readonly proxy: Proxy
}
/** One process of a run, from its start to its end. */
export declare class Child {
  #private
  readonly name: string
  readonly proxy: Proxy
  readonly ended: Promise<Exit>
  /** When it was asked to leave or killed by the run: whatever way it ends then is no surprise. */
  wasSignalled: boolean
  constructor(spec: ChildSpec)
  get pid(): number
  get isRunning(): boolean
  signal(name: NodeJS.Signals): void
  send(message: object): void
  /** Resolves once the process has said `word`; rejects if it ends before. */
  said(word: string): Promise<void>
}
//# sourceMappingURL=child.d.ts.map

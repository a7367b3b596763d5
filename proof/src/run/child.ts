import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
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
  /** Told when the process says that the database has answered it. */
  readonly onAnswer: () => void
}

/** One process of a run, from its start to its end. */
export class Child {
  readonly name: string
  readonly proxy: Proxy
  readonly ended: Promise<Exit>
  /** When it was asked to leave or killed by the run: whatever way it ends then is no surprise. */
  wasSignalled = false
  readonly #process: ChildProcess
  readonly #log: WriteStream
  readonly #messages: unknown[] = []
  #onMessage: () => void = () => undefined

  constructor(spec: ChildSpec) {
    this.name = spec.name
    this.proxy = spec.proxy
    this.#log = createWriteStream(spec.logFile, { flags: 'a' })
    this.#process = spawn(process.execPath, [...(spec.nodeOptions ?? []), spec.script, JSON.stringify(spec.task)], {
      env: { ...process.env, ...spec.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#process.stdout?.pipe(this.#log, { end: false })
    this.#process.stderr?.pipe(this.#log, { end: false })
    this.#process.on('message', (message) => {
      if (message === 'answer') {
        spec.onAnswer()
        return
      }
      this.#messages.push(message)
      this.#onMessage()
    })
    // A message to a process that is gone is nobody's problem.
    this.#process.on('error', () => undefined)
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#log.end()
        resolve({ code, signal })
        this.#onMessage()
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  signal(name: NodeJS.Signals): void {
    if (name === 'SIGKILL' || name === 'SIGTERM') this.wasSignalled = true
    this.#process.kill(name)
  }

  send(message: object): void {
    if (this.#process.connected) this.#process.send(message)
  }

  hasSaid(word: string): boolean {
    return this.#messages.includes(word)
  }

  /** Resolves once the process has said `word`; rejects if it ends before. */
  async said(word: string): Promise<void> {
    while (!this.hasSaid(word)) {
      if (!this.isRunning) throw new Error(`${this.name} ended before it said ${word}; see its log`)
      await new Promise<void>((resolve) => (this.#onMessage = resolve))
    }
  }
}

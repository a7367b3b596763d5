import { setTimeout as sleep } from 'node:timers/promises'
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
export class ChildProcesses {
  readonly #options: ChildProcessesOptions
  readonly #places: Place[]
  #isStopping = false

  constructor(options: ChildProcessesOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.count }, (_, place) => ({ place, boot: 0, child: undefined }))
  }

  start(): void {
    for (const place of this.#places) this.#boot(place)
  }

  /** Resolves once at least one runs. */
  async anyRuns(): Promise<void> {
    while (this.running().length === 0) await sleep(20)
  }

  /** Those that run now. */
  running(): readonly Child[] {
    return this.#places.flatMap(({ child }) => (child?.isRunning === true ? [child] : []))
  }

  /** Asks all to leave; those that have not after `graceMs` are killed, and named in the answer. */
  async stop(graceMs: number): Promise<readonly string[]> {
    this.#isStopping = true
    const children = this.running()
    for (const child of children) child.signal('SIGTERM')
    const late: string[] = []
    await Promise.all(
      children.map(async (child) => {
        const limit = new AbortController()
        const timer = sleep(graceMs, undefined, { signal: limit.signal }).then(
          () => {
            late.push(child.name)
            child.signal('SIGKILL')
          },
          () => undefined,
        )
        await child.ended
        limit.abort()
        await timer
      }),
    )
    return late
  }

  /** Kills what runs and starts nothing more. */
  async kill(): Promise<void> {
    this.#isStopping = true
    const children = this.running()
    for (const child of children) child.signal('SIGKILL')
    await Promise.all(children.map((child) => child.ended))
  }

  #boot(place: Place): void {
    const child = new Child(this.#options.spec(place.place, place.boot++))
    place.child = child
    this.#options.onStarted(child)
    void child.ended.then(async (exit) => {
      this.#options.onEnded(child, exit)
      await sleep(this.#options.respawnMs)
      if (!this.#isStopping) this.#boot(place)
    })
  }
}

interface Place {
  readonly place: number
  boot: number
  child: Child | undefined
}

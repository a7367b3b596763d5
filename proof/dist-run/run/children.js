import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from './child.js'
/** Processes of one kind, kept at their number: where one ends, another takes its place. */
export class ChildProcesses {
  #options
  #places
  #isStopping = false
  constructor(options) {
    this.#options = options
    this.#places = Array.from({ length: options.count }, (_, place) => ({ place, boot: 0, child: undefined }))
  }
  start() {
    for (const place of this.#places) this.#boot(place)
  }
  /** Resolves once at least one runs. */
  async anyRuns() {
    while (this.running().length === 0) await sleep(20)
  }
  /** Those that run now. */
  running() {
    return this.#places.flatMap(({ child }) => (child?.isRunning === true ? [child] : []))
  }
  /** Asks all to leave; those that have not after `graceMs` are killed, and named in the answer. */
  async stop(graceMs) {
    this.#isStopping = true
    const children = this.running()
    for (const child of children) child.signal('SIGTERM')
    const late = []
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
  async kill() {
    this.#isStopping = true
    const children = this.running()
    for (const child of children) child.signal('SIGKILL')
    await Promise.all(children.map((child) => child.ended))
  }
  #boot(place) {
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
//# sourceMappingURL=children.js.map

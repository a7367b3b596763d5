import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
/** One process of a run, from its start to its end. */
export class Child {
  name
  proxy
  ended
  /** When it was asked to leave or killed by the run: whatever way it ends then is no surprise. */
  wasSignalled = false
  #process
  #log
  #messages = []
  #onMessage = () => undefined
  constructor(spec) {
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
  get pid() {
    return this.#process.pid ?? 0
  }
  get isRunning() {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }
  signal(name) {
    if (name === 'SIGKILL' || name === 'SIGTERM') this.wasSignalled = true
    this.#process.kill(name)
  }
  send(message) {
    if (this.#process.connected) this.#process.send(message)
  }
  /** Resolves once the process has said `word`; rejects if it ends before. */
  async said(word) {
    while (!this.#messages.includes(word)) {
      if (!this.isRunning) throw new Error(`${this.name} ended before it said ${word}; see its log`)
      await new Promise((resolve) => (this.#onMessage = resolve))
    }
  }
}
//# sourceMappingURL=child.js.map

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type DevTask, type FromWorker, isFromWorker, type ToWorker } from './messages.ts'

export interface WorkerListener {
  readonly onMessage: (message: FromWorker) => void
  /** A line that a handler wrote. */
  readonly onOutput: (line: string, stream: 'stdout' | 'stderr') => void
  /** It ended without being told to. */
  readonly onCrash: (reason: string) => void
}

/** Beyond its time to drain, a process that does not end is ended. */
const GRACE_MS = 3000
const RESTART_MS = 1000

/**
 * The worker process of `dev`. `idle` until `start`; then one process runs at a time: `reload` lets it finish or hand back its
 * jobs and starts the next, and a process that crashes after it had begun to work is started again after a second. One that could
 * not load its module stays away until `reload`.
 */
export class ReloadingWorker {
  readonly #task: DevTask
  readonly #listener: WorkerListener
  #child: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #isStopping = false
  /** The changes of process, one after the other. */
  #change: Promise<void> = Promise.resolve()

  constructor(task: DevTask, listener: WorkerListener) {
    this.#task = task
    this.#listener = listener
  }

  start(): void {
    this.#child = this.#begin()
  }

  /** Resolves once the next process has been started. */
  reload(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#end()
      if (!this.#isStopping) this.start()
    })
  }

  stop(): Promise<void> {
    this.#isStopping = true
    return this.#enqueue(() => this.#end())
  }

  #enqueue(change: () => Promise<void>): Promise<void> {
    this.#change = this.#change.then(change)
    return this.#change
  }

  #begin(): ChildProcess {
    // The name that this file has beside it once compiled.
    const child = fork(fileURLToPath(new URL('worker-process.js', import.meta.url)), [], {
      silent: true,
      env: childEnv(),
    })
    let hasStarted = false
    child.on('message', (message) => {
      if (!isFromWorker(message)) return
      hasStarted ||= message.kind === 'started'
      this.#listener.onMessage(message)
    })
    this.#readLines(child.stdout, 'stdout')
    this.#readLines(child.stderr, 'stderr')
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return
      this.#child = undefined
      if (!hasStarted) return
      this.#listener.onCrash(signal === null ? `exit code ${code}` : signal)
      this.#restart = setTimeout(() => this.start(), RESTART_MS)
    })
    send(child, { kind: 'begin', task: this.#task })
    return child
  }

  #readLines(stream: Readable | null, name: 'stdout' | 'stderr'): void {
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#listener.onOutput(line, name))
  }

  async #end(): Promise<void> {
    clearTimeout(this.#restart)
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    send(child, { kind: 'stop' })
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#task.drainMs + GRACE_MS)
    await ended
    clearTimeout(timer)
  }
}

function send(child: ChildProcess, message: ToWorker): void {
  // One that has just died is found by its `exit`.
  child.send(message, () => {})
}

/** Handlers write to pipes; colours stay if this process has a terminal. */
function childEnv(): NodeJS.ProcessEnv {
  const { NO_COLOR: none } = process.env
  return process.stdout.isTTY && !none ? { FORCE_COLOR: '1', ...process.env } : process.env
}

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A job's id, or how it stands. */
interface Answer {
  readonly id: number
  readonly status?: string
}

const LISTENS = /https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d+/

/** A server in a process of its own. */
export class App {
  readonly url: string
  readonly #child: ChildProcess
  readonly #output: () => string

  private constructor(url: string, child: ChildProcess, output: () => string) {
    this.url = url
    this.#child = child
    this.#output = output
  }

  /** Starts it, and resolves when it says where it listens; without a server: when it says `ready`. */
  static async start(
    command: readonly string[],
    options: { cwd: string; env: Record<string, string>; ready?: RegExp },
  ): Promise<App> {
    const [file = '', ...args] = command
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const listening = new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        output += chunk.toString()
        const found = (options.ready ?? LISTENS).exec(output)
        if (found !== null) resolve(found[0])
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output}`)))
    })
    return new App(await listening, child, () => output)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get output(): string {
    return this.#output()
  }

  /** What a path answers, as JSON; rejects for a status that is no success. */
  async json(path: string, body?: object): Promise<Answer> {
    const response = await fetch(this.url + path, {
      ...(body && { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }

  /** Its exit code, or the signal that ended it. */
  async stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const exit = once(this.#child, 'exit')
    this.#child.kill(signal)
    const [code, by] = (await exit) as [number | null, NodeJS.Signals | null]
    return code ?? by
  }
}

import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { poll } from './poll.ts'

const execute = promisify(execFile)
const EXIT_FILE = 'exit-code'
const BIN = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

export interface TerminalOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly columns?: number
  readonly rows?: number
  /** What `TERM` says. */
  readonly kind?: string
}

/** The command line in a terminal of its own, which tmux emulates: it has a size, takes keys and shows what a person would see. */
export class Terminal implements AsyncDisposable {
  readonly #socket: string
  readonly #folder: string

  private constructor(socket: string, folder: string) {
    this.#socket = socket
    this.#folder = folder
  }

  static async open(
    args: readonly string[],
    { cwd, env = {}, columns = 120, rows = 40, kind = 'screen-256color' }: TerminalOptions = {},
  ): Promise<Terminal> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-tmux-'))
    const config = join(folder, 'tmux.conf')
    const settings = ['remain-on-exit on', 'remain-on-exit-format ""', 'history-limit 5000', `default-terminal ${kind}`]
    writeFileSync(config, settings.map((setting) => `set -g ${setting}\n`).join(''))
    const terminal = new Terminal(`millrace-${randomUUID()}`, folder)
    const variables = Object.entries({ DATABASE_URL: '', ...env }).flatMap(([name, value]) => [
      '-e',
      `${name}=${value}`,
    ])
    const size = ['-x', String(columns), '-y', String(rows)]
    const place = cwd === undefined ? [] : ['-c', cwd]
    // By a file: tmux at times knows that the program has ended, and not how.
    const script = `trap : INT; "$@"; echo $? > '${join(folder, EXIT_FILE)}'`
    const program = ['sh', '-c', script, 'sh', process.execPath, BIN, ...args]
    await terminal.#tmux('-f', config, 'new-session', '-d', ...size, ...place, ...variables, ...program)
    return terminal
  }

  /** What stands on the screen now; with `history` also what has been scrolled out of it, with `colours` as escape sequences. */
  async screen({ history = false, colours = false } = {}): Promise<string> {
    const more = [...(history ? ['-S', '-'] : []), ...(colours ? ['-e'] : [])]
    return this.#tmux('capture-pane', '-p', '-J', ...more)
  }

  /** Waits until the screen shows it; all of the screen and its history. */
  async shows(pattern: RegExp, within: number = 30_000): Promise<string> {
    let last = ''
    try {
      return await poll(
        async () => {
          last = await this.screen({ history: true })
          return pattern.test(last) ? last : ''
        },
        { within, every: 50 },
      )
    } catch {
      throw new Error(`The terminal never showed ${pattern}. It shows:\n${last}`)
    }
  }

  /** Keys by tmux's names, such as `C-c`. */
  async send(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys)
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** Waits for the end of the program; its exit code. */
  async exitCode(within: number = 15_000): Promise<number> {
    const file = join(this.#folder, EXIT_FILE)
    try {
      return Number(await poll(() => existsSync(file) && readFileSync(file, 'utf8').trim(), { within, every: 20 }))
    } catch {
      throw new Error(`The program did not end. The terminal shows:\n${await this.screen()}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server').catch(() => {})
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { TMUX: _outer, DATABASE_URL: _url, ...env } = process.env
    const { stdout } = await execute('tmux', ['-L', this.#socket, ...args], { env: { ...env, LC_ALL: 'C.UTF-8' } })
    return stdout
  }
}

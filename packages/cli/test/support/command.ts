import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** All of its standard output so far. */
  text(): string
  readonly ended: Promise<Ended>
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
  /** Closes its standard output after so many characters, as `head` does. */
  readonly readsOnly?: number
  /** Its standard output is a disk without room. */
  readonly toFullDisk?: true
}

/** Starts the command line as a process of its own, with no database but what `env` names. */
export function start(
  args: readonly string[],
  { env = {}, cwd, input, readsOnly, toFullDisk }: CommandOptions = {},
): Running {
  const { DATABASE_URL: _url, REDIS_URL: _redisUrl, ...inherited } = process.env
  const program = [process.execPath, BIN, ...args]
  const [file = '', ...rest] = toFullDisk === true ? ['sh', '-c', '"$@" > /dev/full', 'sh', ...program] : program
  const child = spawn(file, rest, { env: { ...inherited, ...env }, cwd })
  const out: string[] = []
  const err: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text))
  if (readsOnly !== undefined) {
    child.stdout.on('data', () => {
      if (out.join('').length >= readsOnly) child.stdout.destroy()
    })
  }
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text))
  child.stdin.end(input)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout: out.join(''), stderr: err.join('') }))
  })
  return { child, text: () => out.join(''), ended }
}

export function run(args: readonly string[], options?: CommandOptions): Promise<Ended> {
  return start(args, options).ended
}

import type { Command } from 'commander'
import { type CommonConfig, initJobQueue, type JobQueue } from 'millrace'
import { configOf, type GlobalOptions } from './connection.ts'
import { EXIT, type ExitCode } from './failure.ts'
import { Output } from './output.ts'

/** What a command works with. */
export interface Session {
  readonly queue: JobQueue
  readonly output: Output
  /**
   * Aborts when the process is told to end (SIGINT, SIGTERM), and when nobody reads its output any more. As long as no command has
   * asked for it, being told ends the process at once: there is nothing to put in order.
   */
  readonly signal: AbortSignal
}

/** What a command does. Its answer is the exit code; nothing means 0. */
export type Work = (session: Session) => Promise<ExitCode | void>

/** Opens the database that the options of `command` name, works, and closes it; sets the exit code. */
export async function withQueue(
  command: Command,
  work: Work,
  config: CommonConfig = { migrate: 'check' },
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>()
  let isHeeded = false
  const interrupted = interruption(() => isHeeded)
  const queue = initJobQueue({ listen: false, ...configOf(options, config) })
  const session: Session = {
    queue,
    output: outputOf(command),
    get signal() {
      isHeeded = true
      return interrupted.signal
    },
  }
  try {
    process.exitCode = (await work(session)) ?? EXIT.ok
  } finally {
    interrupted.forget()
    await queue.close()
  }
}

export function outputOf(command: Command): Output {
  return new Output({ json: command.optsWithGlobals<GlobalOptions>().json === true })
}

/** Numbers of signals, as shells add them to 128. */
const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

/**
 * Listens to what tells a process to end, until `forget`.
 *
 * @param isHeeded - Whether somebody looks at the signal; if not, the process ends at once.
 */
export function interruption(isHeeded: () => boolean = () => true): { readonly signal: AbortSignal; forget(): void } {
  const controller = new AbortController()
  const interrupt = (name: NodeJS.Signals): void => {
    // Whoever asks twice does not want to wait any longer.
    if (controller.signal.aborted || !isHeeded())
      process.exit(128 + (name === 'SIGINT' ? NUMBERS.SIGINT : NUMBERS.SIGTERM))
    controller.abort()
  }
  // `millrace tail | head -1`. Whatever ends by itself does what it was asked for all the same.
  const unread = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  process.stdout.on('error', unread)
  return {
    signal: controller.signal,
    forget() {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
      process.stdout.off('error', unread)
    },
  }
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((end) => {
    if (signal.aborted) end()
    else signal.addEventListener('abort', () => end(), { once: true })
  })
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

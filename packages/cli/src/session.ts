import type { Command } from 'commander'
import { type CommonConfig, initJobQueue, type JobQueue } from 'millrace'
import { configOf, type GlobalOptions } from './connection.ts'
import { EXIT, type ExitCode } from './failure.ts'
import { Output } from './output.ts'

/** What a command works with. */
export interface Session {
  readonly queue: JobQueue
  readonly output: Output
  /** Aborts when the process is told to end (SIGINT, SIGTERM). */
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
  const interrupted = interruption()
  const queue = initJobQueue({ listen: false, ...configOf(options, config) })
  try {
    const output = outputOf(command)
    process.exitCode = (await work({ queue, output, signal: interrupted.signal })) ?? EXIT.ok
  } finally {
    interrupted.forget()
    await queue.close()
  }
}

export function outputOf(command: Command): Output {
  return new Output({ json: command.optsWithGlobals<GlobalOptions>().json === true })
}

/** Listens to what tells a process to end, until `forget`. */
export function interruption(): { readonly signal: AbortSignal; forget(): void } {
  const controller = new AbortController()
  const interrupt = (): void => {
    // Whoever asks twice does not want to wait any longer.
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return {
    signal: controller.signal,
    forget() {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
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

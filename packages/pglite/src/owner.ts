/** The owner's side of the database thread: start it, and end it so that nothing is lost. */
import { Worker } from 'node:worker_threads'
import { MillraceError } from 'millrace'
import type { ThreadOptions } from './database-thread.ts'
import { linkToThread, type Link } from './link.ts'
import type { CloseThread, Reply, StartedFrom, ThreadEvent } from './protocol.ts'

/** A running database thread. */
export interface DatabaseThread {
  readonly link: Link
  readonly startedFrom: StartedFrom
  /** Lets it finish what it has accepted and write a checkpoint. Resolves when nothing writes to the directory any more. */
  finish(): Promise<void>
  /** Whether it has ended cleanly. */
  hasFinished(): boolean
  /** Ends the thread, and with it the sockets of other processes. */
  terminate(): Promise<void>
}

interface StartOptions extends ThreadOptions {
  readonly startTimeoutMs: number
  readonly onWarning: (message: string) => void
}

/**
 * Starts the thread and resolves when its database answers.
 *
 * @throws MillraceError `EMBEDDED_CORRUPT` if the directory cannot be opened, `STORE_TIMEOUT` if that takes too long.
 */
export async function startThread({ startTimeoutMs, onWarning, ...options }: StartOptions): Promise<DatabaseThread> {
  const worker = new Worker(threadUrl(), { workerData: options, name: 'millrace-pglite', execArgv: [] })
  let isFinished = false
  let settle: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    settle = resolve
  })
  worker.on('message', (event: ThreadEvent | Reply) => {
    if (event.kind === 'warning') onWarning(event.message)
    else if (event.kind === 'closed') {
      isFinished = true
      settle()
    }
  })
  worker.on('error', (error) => onWarning(`The embedded database stopped: ${error.message}`))
  worker.once('exit', settle)
  const startedFrom = await opened(worker, startTimeoutMs)
  const close: CloseThread = { kind: 'close' }
  const link = linkToThread(worker)
  const { hold } = link
  let isFinishing = false
  // An answer that still comes in while the thread ends must not let go of it: the process would leave before the database has.
  link.hold = (isWaiting) => {
    if (!isFinishing) hold(isWaiting)
  }
  return {
    startedFrom,
    link,
    finish: async () => {
      isFinishing = true
      worker.ref()
      worker.postMessage(close)
      await ended
    },
    hasFinished: () => isFinished,
    terminate: async () => void (await worker.terminate()),
  }
}

/** From the sources, as tests import them, the thread still runs what was built: Node does not read TypeScript. */
function threadUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts')
  return new URL(isSource ? '../dist/database-thread.js' : './database-thread.js', import.meta.url)
}

async function opened(worker: Worker, timeoutMs: number): Promise<StartedFrom> {
  try {
    return await new Promise<StartedFrom>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new MillraceError('STORE_TIMEOUT', `The embedded database has not started within ${timeoutMs} ms`))
      }, timeoutMs)
      const settle = (outcome: () => void): void => {
        clearTimeout(timer)
        outcome()
      }
      worker.on('message', (event: ThreadEvent) => {
        if (event.kind === 'opened') settle(() => resolve(event.startedFrom))
        else if (event.kind === 'unusable') settle(() => reject(unusableError(event)))
      })
      worker.once('error', (error) => settle(() => reject(startError(error))))
      worker.once('exit', () => settle(() => reject(startError(undefined))))
    })
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

function unusableError({ code, message, remedy }: Extract<ThreadEvent, { kind: 'unusable' }>): MillraceError {
  return new MillraceError(
    code,
    `${message}. ${remedy ?? ''}`.trim(),
    remedy === undefined ? {} : { details: { remedy } },
  )
}

function startError(cause: Error | undefined): MillraceError {
  return new MillraceError('EMBEDDED_CORRUPT', 'The thread of the embedded database ended before it was ready', {
    cause,
  })
}

import type { JobQueue, ProcessorHandlers } from 'millrace'
import { attachShutdown, createRunner } from 'millrace/http'
import type { Runner, RunnerOptions } from 'millrace/http'

/** What `startWorker` takes besides the queue. */
export interface StartWorkerOptions<PayloadMap> extends RunnerOptions<PayloadMap> {
  /** Runs once, beside the worker, when the server has started; its failure is told and nothing more. */
  readonly onStart?: () => void | Promise<void>
  /** Told of what would otherwise be a warning of the process. */
  readonly onWarning?: (message: string) => void
}

/** What this process runs. On `globalThis`, since Next loads modules anew when they are edited, and in several bundles. */
interface Running {
  readonly runner: Runner
  readonly replace: (handlers: object) => void
}

const KEY = Symbol.for('millrace.next')

/**
 * Starts one worker in this process, and drains it on SIGTERM and SIGINT. Call it from `register()` in `instrumentation.ts`.
 *
 * Does nothing outside the Node.js runtime. Called again, it only takes over the new handlers: jobs that start from then on run them,
 * those that run already go on. See `liveHandlers` for `next dev`.
 *
 * Next leaves the process at SIGTERM before anything has drained, unless `NEXT_MANUAL_SIG_HANDLE=true` is set; a warning says so.
 *
 * @returns The process's worker; `null` outside the Node.js runtime
 */
export async function startWorker<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: StartWorkerOptions<PayloadMap> = {},
): Promise<Runner | null> {
  const runtime = process.env['NEXT_RUNTIME']
  if (runtime !== undefined && runtime !== 'nodejs') return null
  const running = current()
  if (running !== undefined) {
    if (options.handlers !== undefined) running.replace(options.handlers)
    return running.runner
  }
  const { onWarning = (message: string) => process.emitWarning(message, { code: 'MILLRACE_NEXT' }) } = options
  if (!process.env['NEXT_MANUAL_SIG_HANDLE']) onWarning(MANUAL_SIGNALS)
  const worker = new ReplaceableRunner(queue, options, onWarning)
  // Whoever replaces them has the same queue, and so the same types of payload.
  const replace = (handlers: object): void => worker.replace(handlers as ProcessorHandlers<PayloadMap>)
  Reflect.set(globalThis, KEY, { runner: worker, replace } satisfies Running)
  worker.start()
  attachShutdown(worker, { onStopped: () => queue.close() })
  try {
    await options.onStart?.()
  } catch (error) {
    onWarning(`onStart failed: ${messageOf(error)}`)
  }
  return worker
}

/**
 * For the module that defines the handlers: `export const handlers = liveHandlers({ … })`. Under `next dev` an edit makes Next load that
 * module anew at the next request, but not `instrumentation.ts`; the worker of the process then runs these. Does nothing elsewhere.
 *
 * @returns The same handlers
 */
export function liveHandlers<Handlers extends object>(handlers: Handlers): Handlers {
  if (process.env['NODE_ENV'] === 'development') current()?.replace(handlers)
  return handlers
}

const MANUAL_SIGNALS =
  'Running jobs are cut off at SIGTERM, because Next leaves the process itself. Set NEXT_MANUAL_SIG_HANDLE=true; they are ' +
  'drained then.'

function current(): Running | undefined {
  return Reflect.get(globalThis, KEY)
}

/** A worker whose handlers can be replaced, job types that are new among them: by another one, while the one before it drains. */
class ReplaceableRunner<PayloadMap> implements Runner {
  readonly #queue: JobQueue<PayloadMap>
  readonly #options: RunnerOptions<PayloadMap>
  readonly #onWarning: (message: string) => void
  readonly #draining = new Set<Promise<void>>()
  #current: Runner
  #isPaused = false

  constructor(queue: JobQueue<PayloadMap>, options: RunnerOptions<PayloadMap>, onWarning: (message: string) => void) {
    this.#queue = queue
    this.#options = options
    this.#onWarning = onWarning
    this.#current = createRunner(queue, options)
  }

  start(): void {
    this.#current.start()
  }

  pause(): void {
    this.#isPaused = true
    this.#current.pause()
  }

  async stop(): Promise<void> {
    this.#isPaused = true
    await Promise.all([this.#current.stop(), ...this.#draining])
  }

  replace(handlers: ProcessorHandlers<PayloadMap>): void {
    if (this.#isPaused) return
    const before = this.#current
    this.#current = createRunner(this.#queue, { ...this.#options, handlers })
    this.#current.start()
    const draining = before
      .stop()
      .catch((error: unknown) => this.#onWarning(`the former handlers could not be drained: ${messageOf(error)}`))
      .finally(() => this.#draining.delete(draining))
    this.#draining.add(draining)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

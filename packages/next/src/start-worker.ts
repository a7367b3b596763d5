import type { JobQueue } from 'millrace'
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
  readonly replace: (handlers: object | undefined) => void
}

const KEY = Symbol.for('millrace.next')

/**
 * Starts one worker in this process, and drains it on SIGTERM and SIGINT. Call it from `register()` in `instrumentation.ts`.
 *
 * Does nothing outside the Node.js runtime. Called again, as when a module was edited under `next dev`, it only takes over the new
 * handlers: jobs that start from then on run them.
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
    running.replace(options.handlers)
    return running.runner
  }
  const { onWarning = (message: string) => process.emitWarning(message, { code: 'MILLRACE_NEXT' }) } = options
  if (!process.env['NEXT_MANUAL_SIG_HANDLE']) onWarning(MANUAL_SIGNALS)
  const handlers = replaceable(options.handlers)
  const runner = createRunner(queue, { ...options, ...(handlers && { handlers: handlers.current }) })
  Reflect.set(globalThis, KEY, {
    runner,
    replace: (next: object | undefined) => handlers?.replace(next),
  })
  runner.start()
  attachShutdown(runner, { onStopped: () => queue.close() })
  try {
    await options.onStart?.()
  } catch (error) {
    onWarning(`onStart failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  return runner
}

const MANUAL_SIGNALS =
  'Running jobs are cut off at SIGTERM, because Next leaves the process itself. Set NEXT_MANUAL_SIG_HANDLE=true; they are ' +
  'drained then.'

function current(): Running | undefined {
  return Reflect.get(globalThis, KEY)
}

/** Handlers that can be put in the place of others while a processor holds them: it asks for them when an attempt starts. */
function replaceable<H extends object>(
  handlers: H | undefined,
): { readonly current: H; readonly replace: (next: object | undefined) => void } | undefined {
  if (handlers === undefined) return undefined
  const names = new Map<string, unknown>(Object.entries(handlers))
  const forwards = Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      typeof handler === 'function' ? (...args: unknown[]) => call(names.get(name), args) : handler,
    ]),
  )
  return {
    // The same names, and functions of the same parameters.
    current: forwards as H,
    replace(next) {
      for (const [name, handler] of Object.entries(next ?? {})) names.set(name, handler)
    },
  }
}

function call(handler: unknown, args: readonly unknown[]): unknown {
  if (typeof handler !== 'function') throw new TypeError('the handler that replaced this one is not a function')
  return Reflect.apply(handler, undefined, args)
}

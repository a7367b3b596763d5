import type { Processor, ProcessorOptions } from '../processor/processor.ts'
import type { JobQueue, ProcessorHandlers } from '../queue-api.ts'
import type { Supervisor, SupervisorOptions } from '../supervisor/supervisor.ts'

/** What `createRunner` takes besides the queue. */
export interface RunnerOptions<PayloadMap> {
  /** Default: the handlers of `defineJobs`. */
  readonly handlers?: ProcessorHandlers<PayloadMap>
  readonly processor?: ProcessorOptions
  /** Retention and the like; `false` for none. Default: none. */
  readonly supervisor?: SupervisorOptions | false
  /** Whether to run jobs; `false` for processes that only add them. Default `true`. */
  readonly work?: boolean
  /** How long running handlers get when it stops, in milliseconds. Default 30,000. */
  readonly drainMs?: number
}

/** What works on a queue in one process: started once, stopped once. */
export interface Runner {
  /** A second call does nothing. */
  start(): void
  /** Claims nothing more; running handlers go on. */
  pause(): void
  /** Drains. A second call joins the first. */
  stop(): Promise<void>
}

/** The processor and supervisor of a process, as the lifecycles of frameworks want them. */
export function createRunner<PayloadMap>(queue: JobQueue<PayloadMap>, options: RunnerOptions<PayloadMap> = {}): Runner {
  const { drainMs = 30_000, work = true, supervisor: supervisorOptions = false } = options
  const processor: Processor | null = work ? queue.createProcessor(options.handlers, options.processor) : null
  const supervisor: Supervisor | null = supervisorOptions === false ? null : queue.createSupervisor(supervisorOptions)
  let stopping: Promise<void> | undefined
  const drain = async (): Promise<void> => {
    await Promise.all([processor?.stopAndDrain(drainMs), supervisor?.stopAndDrain(drainMs)])
  }
  return {
    start() {
      if (stopping !== undefined) return
      processor?.startInBackground()
      supervisor?.startInBackground()
    },
    pause() {
      processor?.stop()
    },
    stop: () => (stopping ??= drain()),
  }
}

/** What `attachShutdown` takes besides the runner. */
export interface ShutdownOptions {
  /** Default SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[]
  /** Runs before the process is let go, such as closing the server and the queue. */
  readonly onStopped?: () => void | Promise<void>
  /** Leaves the process once all is done. Default `true`: a listener of its own keeps Node from doing so. */
  readonly exit?: boolean
}

/**
 * Stops a runner, or whatever else has `stop`, at the first SIGTERM or SIGINT, and then leaves the process. For frameworks that
 * leave the signals to the application; the others call `stop` themselves.
 *
 * @returns Takes the listeners off.
 */
export function attachShutdown(runner: Pick<Runner, 'stop'>, options: ShutdownOptions = {}): () => void {
  const { signals = ['SIGTERM', 'SIGINT'], onStopped, exit = true } = options
  const detach = (): void => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = (): void => {
    // A second signal does what it would have done without us.
    detach()
    void stop().then((code) => {
      if (exit) process.exit(code)
    })
  }
  const stop = async (): Promise<number> => {
    try {
      await runner.stop()
      await onStopped?.()
      return 0
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
      return 1
    }
  }
  for (const signal of signals) process.on(signal, onSignal)
  return detach
}

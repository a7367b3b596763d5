import type { JobQueue } from '../queue-api.ts'
import { createRunner } from './lifecycle.ts'
import type { Runner, RunnerOptions } from './lifecycle.ts'

/** A server that can be told to take no more connections. */
export interface ExpressLike {
  close(onClosed: (error?: Error) => void): unknown
}

/**
 * For Express: `middleware` puts the queue into `req.jobs`; `start` is for when the server listens; `stop(server)` closes the
 * server, so that no request adds to a queue that is gone, and then drains.
 */
export function millraceExpress<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: RunnerOptions<PayloadMap> = {},
): Pick<Runner, 'start'> & {
  readonly middleware: (request: object, response: unknown, next: () => void) => void
  readonly stop: (server?: ExpressLike) => Promise<void>
} {
  const runner = createRunner(queue, options)
  return {
    middleware(request, _response, next) {
      Reflect.set(request, 'jobs', queue)
      next()
    },
    start: () => runner.start(),
    async stop(server) {
      runner.pause()
      if (server !== undefined) await new Promise<void>((resolve) => void server.close(() => resolve()))
      await runner.stop()
    },
  }
}

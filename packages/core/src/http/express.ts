import type { JobQueue } from '../queue-api.ts'
import { createRunner } from './lifecycle.ts'
import type { Runner, RunnerOptions } from './lifecycle.ts'
import { closeThenStop } from './server.ts'
import type { ServerLike } from './server.ts'

/**
 * For Express: `middleware` puts the queue into `req.jobs`; `start` is for when the server listens; `stop(server)` closes the
 * server, so that no request adds to a queue that is gone, and then drains.
 */
export function millraceExpress<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: RunnerOptions<PayloadMap> = {},
): Pick<Runner, 'start'> & {
  readonly middleware: (request: object, response: unknown, next: () => void) => void
  readonly stop: (server?: ServerLike) => Promise<void>
} {
  const runner = createRunner(queue, options)
  return {
    middleware(request, _response, next) {
      Reflect.set(request, 'jobs', queue)
      next()
    },
    start: () => runner.start(),
    stop: (server) => closeThenStop(runner, server),
  }
}

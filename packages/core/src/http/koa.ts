import type { JobQueue } from '../queue-api.ts'
import { createRunner } from './lifecycle.ts'
import type { Runner, RunnerOptions } from './lifecycle.ts'
import { closeThenStop } from './server.ts'
import type { ServerLike } from './server.ts'

/** A context of Koa, as far as the middleware uses it. */
export interface KoaContextLike {
  readonly state: object
}

/**
 * For Koa: `middleware` puts the queue into `ctx.state.jobs`; `start` is for when the server listens; `stop(server)` closes the
 * server, so that no request adds to a queue that is gone, and then drains.
 */
export function millraceKoa<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: RunnerOptions<PayloadMap> = {},
): Pick<Runner, 'start'> & {
  readonly middleware: (context: KoaContextLike, next: () => Promise<unknown>) => Promise<unknown>
  readonly stop: (server?: ServerLike) => Promise<void>
} {
  const runner = createRunner(queue, options)
  return {
    middleware(context, next) {
      Reflect.set(context.state, 'jobs', queue)
      return next()
    },
    start: () => runner.start(),
    stop: (server) => closeThenStop(runner, server),
  }
}

import type { JobQueue } from '../queue-api.ts'
import { createRunner } from './lifecycle.ts'
import type { Runner, RunnerOptions } from './lifecycle.ts'

/** A context of Hono, as far as the middleware uses it. */
export interface HonoContextLike {
  // A property: the library types it by the variables of the application.
  readonly set: (name: never, value: never) => void
}

/** A middleware of Hono, as far as it is used. */
export type HonoMiddleware = (context: HonoContextLike, next: () => Promise<void>) => Promise<void>

/** For Hono: `middleware` puts the queue into `c.get('jobs')`; `start` and `stop` are the process's to call. */
export function millraceHono<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: RunnerOptions<PayloadMap> = {},
): Runner & { readonly middleware: HonoMiddleware } {
  return {
    ...createRunner(queue, options),
    async middleware(context, next) {
      context.set('jobs' as never, queue as never)
      await next()
    },
  }
}

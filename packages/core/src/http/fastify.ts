import type { JobQueue } from '../queue-api.ts'
import { createRunner } from './lifecycle.ts'
import type { RunnerOptions } from './lifecycle.ts'

/** An instance of Fastify 5, as far as the plugin uses it. */
export interface FastifyLike {
  decorate(name: string, value: unknown): unknown
  // Properties: the library's overloads differ by the hook's name.
  readonly addHook: (name: never, hook: never) => unknown
}

/**
 * A Fastify plugin: decorates the instance with `jobs`, starts with it and drains when it closes. The connections of the server
 * are refused first, then running handlers get `drainMs`.
 *
 * `app.register(millraceFastify(queue, { handlers }))`
 */
export function millraceFastify<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: RunnerOptions<PayloadMap> = {},
): (app: FastifyLike) => Promise<void> {
  const plugin = async (app: FastifyLike): Promise<void> => {
    const runner = createRunner(queue, options)
    app.decorate('jobs', queue)
    hook(app, 'onReady', async () => runner.start())
    hook(app, 'preClose', async () => runner.pause())
    hook(app, 'onClose', async () => runner.stop())
  }
  // What `fastify-plugin` sets: the decoration is seen outside the plugin.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'millrace',
    [Symbol.for('plugin-meta')]: { fastify: '5.x', name: 'millrace' },
  })
}

function hook(app: FastifyLike, name: string, run: () => Promise<void>): void {
  app.addHook(name as never, run as never)
}

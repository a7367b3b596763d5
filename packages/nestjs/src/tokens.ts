import { Inject } from '@nestjs/common'

/** What an instance is called when its module is given no name. */
export const DEFAULT_INSTANCE = 'default'

/** The token under which the queue of an instance is injected, for providers that take it with `inject: [getQueueToken()]`. */
export function getQueueToken(instance: string = DEFAULT_INSTANCE): string {
  return `MillraceQueue:${instance}`
}

/** The token of what runs the handlers of an instance. */
export function getRunnerToken(instance: string = DEFAULT_INSTANCE): string {
  return `MillraceRunner:${instance}`
}

/** Injects the queue of an instance: `constructor(@InjectQueue() private readonly queue: JobQueue<Jobs>)`. */
export function InjectQueue(instance?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getQueueToken(instance))
}

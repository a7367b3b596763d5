import type { QueueEventMap } from 'millrace'
import { DEFAULT_INSTANCE } from './tokens.ts'

/** What `@JobHandler` takes besides the job type. */
export interface JobHandlerOptions {
  /** The `name` of the module whose jobs it runs. Default `'default'`. */
  readonly instance?: string | undefined
  /**
   * Of the handler, a whole number from 1. Handlers of one type with different versions stand side by side: a job goes on under
   * the one it first started under, and jobs that have not started take the newest. Default none.
   */
  readonly version?: number | undefined
}

/** What `@JobHandler` says of a method or class. */
export interface HandlerMark {
  readonly jobType: string
  readonly instance: string
  readonly version: number | undefined
}

/** An event of the queue without its `job:`, and `error`. */
export type JobEventName =
  | (keyof QueueEventMap extends infer K ? (K extends `job:${infer N}` ? N : never) : never)
  | 'error'

/** What `@OnJobEvent` says of a method. */
export interface ListenerMark {
  readonly event: JobEventName
  readonly instance: string
}

const HANDLERS = 'millrace:handlers'
const LISTENERS = 'millrace:listeners'

/**
 * Runs the jobs of a type: over a method, that method, called with `(payload, signal, ctx)`; over a class, its method
 * `handle`. One method may take several types. A type that has two handlers is an error when the application starts.
 */
export function JobHandler(jobType: string, options: JobHandlerOptions = {}): ClassDecorator & MethodDecorator {
  return mark<HandlerMark>(HANDLERS, {
    jobType,
    instance: options.instance ?? DEFAULT_INSTANCE,
    version: options.version,
  })
}

/**
 * Calls a method with what happens to the jobs of this process, such as `@OnJobEvent('completed')` or `@OnJobEvent('failed')`. What it
 * throws changes nothing for the job and is logged.
 */
export function OnJobEvent(event: JobEventName, options: { readonly instance?: string } = {}): MethodDecorator {
  return mark<ListenerMark>(LISTENERS, { event, instance: options.instance ?? DEFAULT_INSTANCE })
}

export function handlerMarks(target: object): readonly HandlerMark[] {
  return marks<HandlerMark>(HANDLERS, target)
}

export function listenerMarks(target: object): readonly ListenerMark[] {
  return marks<ListenerMark>(LISTENERS, target)
}

function mark<Mark>(key: string, value: Mark): ClassDecorator & MethodDecorator {
  return (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const marked: unknown = descriptor === undefined ? target : descriptor.value
    if (typeof marked === 'function') Reflect.defineMetadata(key, [...marks<Mark>(key, marked), value], marked)
  }
}

/** Of the function itself: a class does not inherit what its base class was marked with. */
function marks<Mark>(key: string, target: object): readonly Mark[] {
  const found: readonly Mark[] | undefined = Reflect.getOwnMetadata(key, target)
  return found ?? []
}

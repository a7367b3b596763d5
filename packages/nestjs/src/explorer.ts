import { createContextId, type DiscoveryService, type MetadataScanner, type ModuleRef } from '@nestjs/core'
import { type JobContext, MillraceError } from 'millrace'
import { type HandlerMark, handlerMarks, type JobEventName, listenerMarks } from './decorators.ts'

export type HandlerFunction = (payload: unknown, signal: AbortSignal, ctx: JobContext) => unknown

/** A decorated handler, ready to be called. */
export interface FoundHandler {
  readonly jobType: string
  readonly version: number | undefined
  /** Class and method, for messages. */
  readonly where: string
  readonly run: HandlerFunction
}

export interface FoundListener {
  readonly event: JobEventName
  readonly listen: (data: unknown) => unknown
}

export interface Found {
  readonly handlers: readonly FoundHandler[]
  readonly listeners: readonly FoundListener[]
}

export interface ExplorerDependencies {
  readonly discovery: DiscoveryService
  readonly scanner: MetadataScanner
  readonly moduleRef: ModuleRef
}

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number]

/** The decorated methods and classes of all modules that belong to an instance. */
export function explore(instance: string, dependencies: ExplorerDependencies): Found {
  const { discovery, scanner } = dependencies
  const handlers: FoundHandler[] = []
  const listeners: FoundListener[] = []
  const mine = (mark: { readonly instance: string }): boolean => mark.instance === instance
  const seen = new Set<unknown>()
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const prototype = prototypeOf(wrapper)
    // One object under two tokens is one provider.
    if (prototype === undefined || (wrapper.instance && seen.has(wrapper.instance))) continue
    seen.add(wrapper.instance)
    const { constructor } = prototype
    const name = constructor.name
    for (const mark of handlerMarks(constructor).filter(mine)) {
      const where = { name, method: 'handle' }
      handlers.push(found(mark, where, caller(wrapper, where, dependencies)))
    }
    for (const method of scanner.getAllMethodNames(prototype)) {
      const declared: unknown = Reflect.get(prototype, method)
      if (typeof declared !== 'function') continue
      const where = { name, method }
      for (const mark of handlerMarks(declared).filter(mine))
        handlers.push(found(mark, where, caller(wrapper, where, dependencies)))
      for (const { event } of listenerMarks(declared).filter(mine))
        listeners.push({ event, listen: listener(wrapper, where) })
    }
  }
  return { handlers, listeners }
}

/** What the provider's methods are declared on, however it came to be; of one made for each request nothing but its class is known. */
function prototypeOf(wrapper: Wrapper): object | undefined {
  if (wrapper.isAlias) return undefined
  const prototype: unknown = wrapper.isDependencyTreeStatic()
    ? isObject(wrapper.instance) && Object.getPrototypeOf(wrapper.instance)
    : wrapper.metatype?.prototype
  return isObject(prototype) && typeof prototype.constructor === 'function' ? prototype : undefined
}

interface Place {
  readonly name: string
  readonly method: string
}

function found({ jobType, version }: HandlerMark, { name, method }: Place, run: HandlerFunction): FoundHandler {
  return { jobType, version, where: `${name}.${method}`, run }
}

/** Calls the method of the one instance there is, or, of a provider that depends on a request, of an instance made for the attempt. */
function caller(wrapper: Wrapper, { name, method }: Place, { moduleRef }: ExplorerDependencies): HandlerFunction {
  if (wrapper.isDependencyTreeStatic()) {
    const bound = methodOf(wrapper.instance, { name, method })
    return (payload, signal, ctx) => bound(payload, signal, ctx)
  }
  return async (payload, signal, ctx) => {
    const contextId = createContextId()
    moduleRef.registerRequestByContextId(ctx, contextId)
    const made: unknown = await moduleRef.resolve(wrapper.token, contextId, { strict: false })
    return methodOf(made, { name, method })(payload, signal, ctx)
  }
}

function listener(wrapper: Wrapper, { name, method }: Place): (data: unknown) => unknown {
  if (!wrapper.isDependencyTreeStatic()) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `\`@OnJobEvent\` on ${name}.${method} can never be called: the provider is made anew for each request. Move the listener to a provider of the default scope.`,
      { details: { field: `${name}.${method}`, remedy: 'Move it to a provider of the default scope' } },
    )
  }
  const bound = methodOf(wrapper.instance, { name, method })
  return (data) => bound(data)
}

function methodOf(instance: unknown, { name, method }: Place): (...values: unknown[]) => unknown {
  const found: unknown = isObject(instance) ? Reflect.get(instance, method) : undefined
  if (typeof found !== 'function') {
    throw new MillraceError(
      'CONFIG_INVALID',
      `\`@JobHandler\` on the class ${name} needs a method \`${method}(payload, signal, ctx)\`.`,
      {
        details: { field: `${name}.${method}`, remedy: 'Add the method, or decorate the one that runs the jobs' },
      },
    )
  }
  return (...values) => Reflect.apply(found, instance, values)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

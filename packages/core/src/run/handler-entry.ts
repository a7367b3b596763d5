import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ResourceLimits } from 'node:worker_threads'
import type { JobContext, JobHandler } from '../model/handler.ts'

/**
 * A handler named by the module that exports it. It always runs in a thread of its own, where it is imported with
 * everything it needs; with `timeoutMs` and `forceKillOnTimeout` that thread is ended for certain.
 */
export interface ModuleHandler {
  /** A `file:` URL, an absolute path, a path relative to the working directory (`./jobs.js`), or a package name. */
  readonly module: URL | string
  /** The name it is exported under. Default `'default'`. */
  readonly export?: string
}

/**
 * A handler with a version. A job remembers the version that it first started under and never runs under another one: a worker
 * that has neither that version nor an older handler for it leaves the job to others.
 */
export interface VersionedHandler<P = unknown> {
  /** A whole number from 1. Jobs that have not started take it. */
  readonly version: number
  readonly handler: ((payload: P, signal: AbortSignal, ctx: JobContext) => unknown) | ModuleHandler
  /** For jobs that started under other versions. The same handler again says that it can go on with them. */
  readonly versions?:
    | Readonly<Record<number, ((payload: P, signal: AbortSignal, ctx: JobContext) => unknown) | ModuleHandler>>
    | undefined
}

/** A registered handler with everything that can be known of it before its first job. */
export interface HandlerEntry {
  readonly jobType: string
  readonly handler: JobHandler | ModuleHandler
  /** Checks and transforms the payload before the handler sees it. */
  readonly schema?: StandardSchemaV1
  /** Memory limits of the thread that a forcefully killed or module handler runs in. Default: Node's. */
  readonly resourceLimits?: ResourceLimits
  /** How many of its three parameters the handler may read; fewer than three only if its text proves it. */
  readonly parameters: number
}

/** The entry of one job type; made once when a processor is created, since it reads the handler's source text. */
export function createHandlerEntry(
  jobType: string,
  handler: JobHandler | ModuleHandler,
  options: Pick<HandlerEntry, 'schema' | 'resourceLimits'> = {},
): HandlerEntry {
  return { jobType, handler, ...options, parameters: typeof handler === 'function' ? countParameters(handler) : 3 }
}

/** Whether `handler` names a module instead of being a function. */
export function isModuleHandler(handler: JobHandler | ModuleHandler): handler is ModuleHandler {
  return typeof handler !== 'function'
}

/** A list of plain or destructured parameters without defaults and rests, so that `length` counts them all. */
const PLAIN_PARAMETERS = new RegExp(
  String.raw`^(?:async\b\s*)?(?:function\b\s*)?(?:[\w$]+\s*)?\(\s*(?:PLAIN(?:\s*,\s*PLAIN)*\s*,?\s*)?\)\s*(?:=>|\{)`.replaceAll(
    'PLAIN',
    String.raw`(?:[\w$]+|\{[\w$\s,:]*\})`,
  ) + String.raw`|^(?:async\s+)?[\w$]+\s*=>`,
)

/**
 * Making a signal costs 3 µs on Node 20 (2 µs on 24), garbage included, where a whole attempt of a handler that
 * takes none costs 0.5 µs. Whatever the text leaves open (rest parameters, defaults, `arguments`, bound and native
 * functions) counts as reading everything.
 */
function countParameters(handler: JobHandler): number {
  const source = Function.prototype.toString.call(handler)
  if (/\barguments\b|\beval\b|\[native code\]/.test(source)) return 3
  // Comments may stand between parameters, such as the types of JSDoc.
  const isPlain = PLAIN_PARAMETERS.test(source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, ''))
  return isPlain ? handler.length : 3
}

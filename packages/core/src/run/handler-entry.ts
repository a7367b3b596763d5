import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ResourceLimits } from 'node:worker_threads'
import type { JobHandler } from '../model/handler.ts'

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

/** A registered handler with everything that can be known of it before its first job. */
export interface HandlerEntry {
  readonly jobType: string
  readonly handler: JobHandler | ModuleHandler
  /** Checks and transforms the payload before the handler sees it. */
  readonly schema?: StandardSchemaV1
  /** Memory limits of the thread that a forcefully killed or module handler runs in. Default: Node's. */
  readonly resourceLimits?: ResourceLimits
  /** Whether the handler provably takes nothing but the payload: the signal is then made only if it fires. */
  readonly takesPayloadOnly: boolean
}

/** The entry of one job type; made once when a processor is created, since it reads the handler's source text. */
export function createHandlerEntry(
  jobType: string,
  handler: JobHandler | ModuleHandler,
  options: Pick<HandlerEntry, 'schema' | 'resourceLimits'> = {},
): HandlerEntry {
  return { jobType, handler, ...options, takesPayloadOnly: typeof handler === 'function' && takesPayloadOnly(handler) }
}

/** Whether `handler` names a module instead of being a function. */
export function isModuleHandler(handler: JobHandler | ModuleHandler): handler is ModuleHandler {
  return typeof handler !== 'function'
}

/** No parameter, a plain one, or a destructured one without defaults and rests. */
const ONE_PLAIN_PARAMETER =
  /^(?:async\b\s*)?(?:function\b\s*)?(?:[\w$]+\s*)?\(\s*(?:[\w$]+|\{[\w$\s,:]*\})?\s*,?\s*\)\s*(?:=>|\{)|^(?:async\s+)?[\w$]+\s*=>/

/**
 * Making an `AbortSignal` costs 2.6 µs on Node 20, most of what an attempt of an empty handler costs. A handler that
 * cannot see it, by its own text, does without; whatever the text leaves open (rest parameters, defaults, `arguments`,
 * bound and native functions) counts as taking everything.
 */
function takesPayloadOnly(handler: JobHandler): boolean {
  if (handler.length > 1) return false
  const text = Function.prototype.toString.call(handler)
  return ONE_PLAIN_PARAMETER.test(text) && !/\barguments\b|\beval\b|\[native code\]/.test(text)
}

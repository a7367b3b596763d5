import { checkOptions, isRecord, refuseOption } from '../model/check.ts'
import { checkVersion, findDefinition, type JobDefinition } from '../model/define-jobs.ts'
import type { JobHandler } from '../model/handler.ts'
import {
  createHandlerEntry,
  type HandlerEntry,
  type ModuleHandler,
  type VersionedHandler,
} from '../run/handler-entry.ts'
import type { ClaimedJob } from '../store/claim.ts'

/** What a processor takes for one job type. */
export type AnyHandler = JobHandler | ModuleHandler | VersionedHandler

interface TypeEntry {
  /** For jobs that have not started under a version. */
  readonly newest: HandlerEntry
  /** By version; absent for a handler without one. */
  readonly byVersion?: ReadonlyMap<number, HandlerEntry>
}

/** The handlers of a processor, by job type and version. */
export class HandlerTable {
  /** A map, not an object: `constructor` and `toString` are job types like any other. */
  readonly #types: ReadonlyMap<string, TypeEntry>
  /** The versions of each type that has any, the newest first; absent if none has. */
  readonly versions: Readonly<Record<string, readonly number[]>> | undefined

  /** @throws MillraceError `OPTION_INVALID` naming the handler */
  constructor(
    handlers: Readonly<Record<string, AnyHandler>>,
    definitions: Readonly<Record<string, JobDefinition>> | undefined,
  ) {
    this.#types = new Map(
      Object.entries(handlers).map(([type, handler]) => {
        const schema = findDefinition(definitions, type)?.payload
        return [type, typeEntry(type, handler, schema === undefined ? {} : { schema })]
      }),
    )
    const versions = [...this.#types].flatMap(([type, { byVersion }]) => {
      return byVersion === undefined ? [] : [[type, [...byVersion.keys()]] as const]
    })
    // As JSON it is sent with every claim, so a type called `__proto__` must be a property like any other.
    this.versions = versions.length === 0 ? undefined : Object.fromEntries(versions)
  }

  get jobTypes(): readonly string[] {
    return [...this.#types.keys()]
  }

  has(jobType: string): boolean {
    return this.#types.has(jobType)
  }

  /** The handler that runs `job`; `undefined` when there is none. A claim gives no job of a version that is not here. */
  entry({ jobType, handlerVersion }: Pick<ClaimedJob, 'jobType' | 'handlerVersion'>): HandlerEntry | undefined {
    const type = this.#types.get(jobType)
    return handlerVersion === null ? type?.newest : type?.byVersion?.get(handlerVersion)
  }
}

type EntryOptions = Pick<HandlerEntry, 'schema'>

function typeEntry(type: string, handler: AnyHandler, options: EntryOptions): TypeEntry {
  if (!isVersioned(handler)) return { newest: entryOf(type, { handler, field: `handlers.${type}` }, options) }
  const field = `handlers.${type}`
  checkOptions(field, handler, VERSIONED, '{ version, handler }')
  checkVersion(`${field}.version`, handler.version)
  const newest = entryOf(type, { handler: handler.handler, field: `${field}.handler` }, options)
  const byVersion = new Map([[handler.version, newest]])
  for (const [key, older] of Object.entries(handler.versions ?? {})) {
    const version = Number(key)
    checkVersion(`${field}.versions`, version)
    if (version === handler.version)
      refuseOption(`${field}.versions`, version, 'versions other than `version`', 'Give its handler as `handler`')
    byVersion.set(version, entryOf(type, { handler: older, field: `${field}.versions.${key}` }, options))
  }
  return { newest, byVersion }
}

function isVersioned(handler: AnyHandler): handler is VersionedHandler {
  return isRecord(handler) && 'version' in handler
}

function entryOf(
  type: string,
  { handler, field }: { readonly handler: JobHandler | ModuleHandler; readonly field: string },
  options: EntryOptions,
): HandlerEntry {
  if (typeof handler !== 'function' && !(isRecord(handler) && 'module' in handler))
    refuseOption(field, handler, 'a function or `{ module }`', 'Pass `async (payload, signal, ctx) => …`')
  if (typeof handler !== 'function') checkOptions(field, handler, MODULE, "{ module: './jobs.js' }")
  return createHandlerEntry(type, handler, options)
}

const VERSIONED: ReadonlySet<string> = new Set(['version', 'handler', 'versions'])
const MODULE: ReadonlySet<string> = new Set(['module', 'export'])

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { MillraceError } from '../errors.ts'
import type { RetryContext, RetryPolicy } from './backoff.ts'
import { checkInteger, checkNames, checkText, isRecord, refuseOption } from './check.ts'
import type { Codec } from './codec.ts'
import type { JobContext, JobHandler } from './handler.ts'
import { checkTypeDefaults } from './options.ts'
import type { JobTypeDefaults } from './options.ts'

/** What `defineJobs` takes for one job type: its payload's schema, its handler, and defaults for its jobs. */
export interface JobDefinitionInput<Schema extends StandardSchemaV1> extends JobTypeDefaults {
  /** Any Standard Schema (Zod, Valibot, ArkType and others), or `anyPayload<T>()` to check nothing at run time. */
  readonly payload: Schema
  /** Gets what the schema makes of the stored payload: defaults and transforms are applied when the job runs. */
  readonly handler: (payload: StandardSchemaV1.InferOutput<Schema>, signal: AbortSignal, ctx: JobContext) => unknown
  /** How payloads are stored. Default `'json'`. */
  readonly codec?: Codec | undefined
  /**
   * The retry options of the type under shorter names, or a function that decides after each failure. It takes the
   * place of `retryDelay`, `retryBackoff` and `retryDelayMax` here; a job that sets one of those itself keeps to its own.
   */
  readonly retry?: RetryPolicy<StandardSchemaV1.InferOutput<Schema>> | undefined
  /**
   * Of the handler, a whole number from 1. A job remembers the version it first started under and never runs under another one; jobs
   * that have not started take this one. Default none.
   */
  readonly version?: number | undefined
  /** Handlers for jobs that started under other versions. A worker without one leaves such a job to others. */
  readonly versions?: OlderHandlers<StandardSchemaV1.InferOutput<Schema>> | undefined
}

interface OlderHandler<P> {
  // A method, as `handler` below is one.
  handler(this: void, payload: P, signal: AbortSignal, ctx: JobContext): unknown
}

/** Handlers for jobs that started under other versions. */
export type OlderHandlers<P> = Readonly<Record<number, OlderHandler<P>['handler']>>

/** One job type as the queue uses it. */
export interface JobDefinition<Schema extends StandardSchemaV1 = StandardSchemaV1> extends JobTypeDefaults {
  readonly payload: Schema
  readonly codec: Codec
  /** Of the handler; see `JobDefinitionInput`. */
  readonly version?: number
  readonly versions?: OlderHandlers<StandardSchemaV1.InferOutput<Schema>>
  // Methods rather than function properties: a definition with a payload type of its own must still be a `JobDefinition`.
  handler(this: void, payload: StandardSchemaV1.InferOutput<Schema>, signal: AbortSignal, ctx: JobContext): unknown
  /** Present when the type decides its retries by a function. */
  retry?(this: void, context: RetryContext<StandardSchemaV1.InferOutput<Schema>>): number | false
}

/** The result of `defineJobs`: one definition per job type. */
export type JobDefinitions<Schemas extends Record<string, StandardSchemaV1>> = {
  readonly [T in keyof Schemas]: JobDefinition<Schemas[T]>
}

/** The payload type that `addJob` takes for each type of `Jobs`: what the schemas accept. */
export type PayloadMapOf<Jobs> = {
  [T in keyof Jobs]: Jobs[T] extends { readonly payload: infer Schema extends StandardSchemaV1 }
    ? StandardSchemaV1.InferInput<Schema>
    : never
}

/** The payload type that the handler of each type of `Jobs` gets: what the schemas make of it. */
export type HandlerPayloadMapOf<Jobs> = {
  [T in keyof Jobs]: Jobs[T] extends { readonly payload: infer Schema extends StandardSchemaV1 }
    ? StandardSchemaV1.InferOutput<Schema>
    : never
}

/**
 * The job types of an application in one place: payload schemas, handlers and defaults. Payload types are inferred from
 * it for `addJob`, for handlers and for reads.
 *
 * A payload is validated when it is added, as the worker will see it (after its trip through JSON), and again when it
 * runs; what is stored is what was given, not what the schema made of it.
 *
 * @throws MillraceError `OPTION_INVALID` naming type and option, such as `email.send.maxAttempts`.
 */
export function defineJobs<Schemas extends Record<string, StandardSchemaV1>>(definitions: {
  readonly [T in keyof Schemas]: JobDefinitionInput<Schemas[T]>
}): JobDefinitions<Schemas> {
  const checked: { -readonly [T in keyof Schemas]?: JobDefinition<Schemas[T]> } = {}
  for (const jobType in definitions) {
    checkText('jobType', jobType)
    Object.defineProperty(checked, jobType, {
      value: Object.freeze(namedAfter(jobType, () => toDefinition(definitions[jobType]))),
      enumerable: true,
    })
  }
  if (!isComplete<Schemas>(checked, definitions)) throw new TypeError('a definition is missing')
  return Object.freeze(checked)
}

function isComplete<Schemas extends Record<string, StandardSchemaV1>>(
  checked: { readonly [T in keyof Schemas]?: JobDefinition<Schemas[T]> },
  given: object,
): checked is JobDefinitions<Schemas> {
  return Object.keys(given).every((jobType) => Object.hasOwn(checked, jobType))
}

/**
 * The definition of a type, or `undefined` if there is none: names such as `constructor` that every object inherits are
 * no job types.
 */
export function findDefinition(
  jobs: Readonly<Record<string, JobDefinition>> | undefined,
  jobType: string,
): JobDefinition | undefined {
  return jobs !== undefined && Object.hasOwn(jobs, jobType) ? jobs[jobType] : undefined
}

/** The handlers of `defineJobs` by job type, as a processor takes them. */
export function handlersOf(
  jobs: Readonly<Record<string, JobDefinition>>,
): Readonly<Record<string, JobHandler | DefinedVersions>> {
  return Object.fromEntries(
    Object.entries(jobs).map(([jobType, { handler, version, versions }]) => {
      return [jobType, version === undefined ? handler : { version, handler, versions }]
    }),
  )
}

interface DefinedVersions {
  readonly version: number
  readonly handler: JobHandler
  readonly versions: OlderHandlers<unknown> | undefined
}

/** A schema that accepts everything and only gives the payload a type: `payload: anyPayload<{ to: string }>()`. */
export function anyPayload<T>(): StandardSchemaV1<T> {
  return { '~standard': { version: 1, vendor: 'millrace', validate: accept } }
}

const DEFINITION_NAMES: ReadonlySet<string> = new Set<keyof JobDefinitionInput<StandardSchemaV1>>([
  'payload',
  'handler',
  'codec',
  'retry',
  'version',
  'versions',
  'maxAttempts',
  'priority',
  'timeoutMs',
  'forceKillOnTimeout',
  'tags',
  'retryDelay',
  'retryBackoff',
  'retryDelayMax',
  'deadLetterJobType',
])

const RETRY_NAMES: ReadonlySet<string> = new Set(['delay', 'backoff', 'delayMax'])

function toDefinition<Schema extends StandardSchemaV1>(given: JobDefinitionInput<Schema>): JobDefinition<Schema> {
  if (!isRecord(given)) return refuseOption('definition', given, 'an object', 'Pass `{ payload: schema, handler }`')
  checkNames(given, DEFINITION_NAMES, {
    schema: 'payload',
    run: 'handler',
    attempts: 'maxAttempts',
    timeout: 'timeoutMs',
  })
  const { payload, handler, codec = 'json', retry, version, versions, ...defaults } = given
  if (!isSchema(payload)) {
    refuseOption(
      'payload',
      payload,
      'a Standard Schema',
      'Pass a schema of Zod, Valibot or ArkType, or `anyPayload<T>()`',
    )
  }
  if (typeof handler !== 'function')
    refuseOption('handler', handler, 'a function', 'Pass `(payload, signal, ctx) => output`')
  if (codec !== 'json' && codec !== 'rich') refuseOption('codec', codec, "'json' or 'rich'", "Leave it out for 'json'")
  checkTypeDefaults(defaults)
  const definition = { payload, handler, codec, ...checkedVersions(version, versions) }
  if (retry === undefined) return { ...defaults, ...definition }
  refuseRetryTwice(defaults)
  if (typeof retry === 'function') return { ...defaults, ...definition, retry }
  if (!isRecord(retry)) return refuseOption('retry', retry, 'an object or a function', 'Pass `{ delay: 10 }`')
  checkNames(retry, RETRY_NAMES)
  const retryOptions = { retryDelay: retry.delay, retryBackoff: retry.backoff, retryDelayMax: retry.delayMax }
  checkTypeDefaults(retryOptions)
  return { ...defaults, ...retryOptions, ...definition }
}

const VERSION_RANGE = { min: 1, max: 2_147_483_647, remedy: 'Count from 1, and up with every change' }

/** Throws `OPTION_INVALID` unless `version` is a handler's version. */
export function checkVersion(field: string, version: unknown): void {
  checkInteger(field, version, VERSION_RANGE)
}

function checkedVersions<P>(
  version: number | undefined,
  versions: OlderHandlers<P> | undefined,
): { version?: number; versions?: OlderHandlers<P> } {
  if (version !== undefined) checkVersion('version', version)
  if (versions === undefined) return version === undefined ? {} : { version }
  if (version === undefined) refuseOption('version', version, 'given beside `versions`', 'Say which one `handler` is')
  if (!isRecord(versions)) return refuseOption('versions', versions, 'an object', 'Pass `{ 1: olderHandler }`')
  for (const [key, older] of Object.entries(versions)) {
    checkVersion('versions', Number(key))
    if (Number(key) === version) refuseOption('versions', key, 'other than `version`', 'Give its handler as `handler`')
    if (typeof older !== 'function') refuseOption(`versions.${key}`, older, 'a function', 'Pass the older handler')
  }
  return { version, versions }
}

function refuseRetryTwice(defaults: JobTypeDefaults): void {
  for (const name of ['retryDelay', 'retryBackoff', 'retryDelayMax'] as const) {
    if (defaults[name] === undefined) continue
    refuseOption(name, defaults[name], 'left out beside `retry`', 'Use one of the two')
  }
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  // ArkType's schemas are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return isRecord(Reflect.get(value, '~standard'))
}

/** Runs `check`; what it refuses is named after the job type. */
function namedAfter<T>(jobType: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    throw new MillraceError(error.code, `\`${jobType}\`: ${error.message}`, {
      cause: error,
      details: { ...error.details, field: `${jobType}.${error.details.field ?? ''}` },
    })
  }
}

/** Nothing is checked, so the type is the caller's word. */
function accept<T>(value: unknown): StandardSchemaV1.Result<T>
function accept(value: unknown): StandardSchemaV1.Result<unknown> {
  return { value }
}

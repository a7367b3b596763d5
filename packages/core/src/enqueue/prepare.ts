import { MillraceError, isMillraceError } from '../errors.ts'
import { refuseOption } from '../model/check.ts'
import { decodePayload, encodePayload } from '../model/codec.ts'
import type { Codec } from '../model/codec.ts'
import type { JobDefinition } from '../model/define-jobs.ts'
import { normalizeDependsOn, refuseLaterJobs } from '../model/dependencies.ts'
import type { JobDependsOn } from '../model/job.ts'
import type { KeyMode } from '../model/lanes.ts'
import { refuseBatchRefs, validateEditOptions, validateJobOptions } from '../model/options.ts'
import type { AnyEditOptions, AnyJobOptions } from '../model/options.ts'
import { checkPayload } from '../model/validate-payload.ts'
import type { JobChanges } from '../store/change.ts'
import type { NewDependencies, NewJob } from '../store/enqueue.ts'

/** What the queue knows of a job's type, and its limit. */
export interface PrepareContext {
  /** Schema, codec and defaults of the type; absent for a type that was not defined. */
  readonly definition?: JobDefinition | undefined
  /** For a type without a definition. Default `'json'`. */
  readonly codec?: Codec | undefined
  /** The most bytes of UTF-8 an encoded payload may have. */
  readonly maxBytes: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * The job of `addJob` as a store takes it: validated, defaults of its type filled in, payload encoded. A promise only
 * when the type's schema is asynchronous.
 *
 * The schema sees the payload as a worker will, after its trip through the codec, so that what it would refuse there is
 * refused here; what is stored is the payload as given.
 *
 * @throws MillraceError `OPTION_INVALID`, `PAYLOAD_INVALID`, `PAYLOAD_TOO_LARGE`, or the promise rejects so.
 */
export function prepareJob(job: AnyJobOptions, context: PrepareContext): NewJob | Promise<NewJob> {
  refuseBatchRefs(job?.dependsOn)
  return prepareOne(job, context)
}

/**
 * The jobs of `addJobs` as a store takes them; all or none. A promise only when some type's schema is asynchronous.
 *
 * @param contextOf - Answers what the queue knows of a type; it may be asked for types nobody defined.
 * @throws What `prepareJob` throws, with `jobs[3].` before the option it names.
 */
export function prepareJobs(
  jobs: readonly AnyJobOptions[],
  contextOf: (jobType: string) => PrepareContext,
): readonly NewJob[] | Promise<readonly NewJob[]> {
  if (!Array.isArray(jobs)) return refuseOption('jobs', jobs, 'an array', 'Use `addJob` for a single job')
  const prepared: NewJob[] = []
  const pending: Promise<void>[] = []
  for (let index = 0; index < jobs.length; index++) {
    const one = atIndex(index, () => {
      refuseLaterJobs(jobs[index]?.dependsOn, index)
      return prepareOne(jobs[index], contextOf(String(jobs[index]?.jobType)))
    })
    if (one instanceof Promise) pending.push(one.then(keepAt(prepared, index), refuseAt(index)))
    else prepared[index] = one
  }
  return pending.length === 0 ? prepared : Promise.all(pending).then(() => prepared)
}

/**
 * The updates of `editJob` as a store takes them; `undefined` leaves a field as it is.
 *
 * @throws MillraceError `OPTION_INVALID`, `PAYLOAD_INVALID`, `PAYLOAD_TOO_LARGE`
 */
export function prepareChanges(updates: AnyEditOptions, context: PrepareContext): JobChanges {
  validateEditOptions(updates)
  const { payload, ...others } = updates
  const codec = context.definition?.codec ?? context.codec ?? 'json'
  return {
    ...(payload !== undefined && { payload: encodePayload(payload, { codec, maxBytes: context.maxBytes }), codec }),
    ...withoutUndefined(others),
  }
}

/** `T` with `undefined` taken out of what its properties may be. */
type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(options: T): Given<T> {
  const given: Given<T> = {}
  for (const name in options) {
    const value = options[name]
    if (isGiven(value)) given[name] = value
  }
  return given
}

function isGiven<V>(value: V): value is Exclude<V, undefined> {
  return value !== undefined
}

function prepareOne(job: AnyJobOptions | undefined, context: PrepareContext): NewJob | Promise<NewJob> {
  validateJobOptions(job)
  if (job === undefined) throw new TypeError('validated above')
  const { definition, maxBytes } = context
  const codec = definition?.codec ?? context.codec ?? 'json'
  const payload = encodePayload(job.payload, { codec, maxBytes })
  if (definition?.payload === undefined) return build(job, payload, codec, definition)
  const checked = checkPayload(definition, decodePayload(payload, codec), job.jobType)
  if (checked instanceof Promise) return checked.then(() => build(job, payload, codec, definition))
  return build(job, payload, codec, definition)
}

/** Sets only what differs from the column defaults; what is absent costs nothing on the wire. */
function build(job: AnyJobOptions, payload: string, codec: Codec, definition: JobDefinition | undefined): NewJob {
  const prepared: Writable<NewJob> = { jobType: job.jobType, payload }
  if (codec !== 'json') prepared.codec = codec
  setRunPolicies(prepared, job, definition)
  setFailurePolicies(prepared, job, definition)
  if (job.runAt !== undefined && job.runAt !== null) prepared.runAt = job.runAt
  const tags = job.tags ?? definition?.tags
  if (tags !== undefined) prepared.tags = tags
  if (job.idempotencyKey !== undefined) prepared.idempotencyKey = job.idempotencyKey
  if (job.tenantId !== undefined) prepared.tenantId = job.tenantId
  if (job.dependsOn !== undefined) setDependencies(prepared, job.dependsOn, job.keyMode)
  if (job.group !== undefined) {
    prepared.groupId = job.group.id
    if (job.group.tier !== undefined) prepared.groupTier = job.group.tier
  }
  setLane(prepared, job)
  return prepared
}

function setLane(prepared: Writable<NewJob>, { keyMode, keyScope, keyWindowMs, queue }: AnyJobOptions): void {
  if (keyMode !== undefined && keyMode !== 'reuse') prepared.keyMode = keyMode
  if (keyScope !== undefined && keyScope !== 'tenant') prepared.keyScope = keyScope
  if (keyWindowMs !== undefined) prepared.keyWindowMs = keyWindowMs
  if (queue === undefined) return
  prepared.queue = typeof queue === 'string' ? queue : queue.name
  if (typeof queue === 'object' && queue.retries === 'pass') prepared.queueRetries = 'pass'
}

function setDependencies(prepared: Writable<NewJob>, given: JobDependsOn, keyMode: KeyMode | undefined): void {
  const { jobIds, tags } = normalizeDependsOn(given)
  if (jobIds === undefined && tags === undefined) return
  if (keyMode !== undefined && keyMode !== 'reuse') {
    const remedy = 'What an existing job waits for cannot be changed: cancel it, and add another'
    refuseOption('keyMode', keyMode, "'reuse' for a job with `dependsOn`", remedy)
  }
  const dependencies: Writable<NewDependencies> = {}
  if (jobIds !== undefined) dependencies.jobIds = jobIds
  if (tags !== undefined) dependencies.tags = tags
  if (given.onFailure === 'run' || given.onFailure === 'wait') dependencies.onFailure = given.onFailure
  prepared.dependsOn = dependencies
}

function setRunPolicies(prepared: Writable<NewJob>, job: AnyJobOptions, definition: JobDefinition | undefined): void {
  const maxAttempts = job.maxAttempts ?? definition?.maxAttempts
  if (maxAttempts !== undefined) prepared.maxAttempts = maxAttempts
  const priority = job.priority ?? definition?.priority
  if (priority !== undefined) prepared.priority = priority
  const timeoutMs = job.timeoutMs ?? definition?.timeoutMs
  if (timeoutMs !== undefined) prepared.timeoutMs = timeoutMs
  if (job.forceKillOnTimeout ?? definition?.forceKillOnTimeout) prepared.forceKillOnTimeout = true
}

function setFailurePolicies(
  prepared: Writable<NewJob>,
  job: AnyJobOptions,
  definition: JobDefinition | undefined,
): void {
  const retryDelay = job.retryDelay ?? definition?.retryDelay
  if (retryDelay !== undefined) prepared.retryDelay = retryDelay
  const retryBackoff = job.retryBackoff ?? definition?.retryBackoff
  if (retryBackoff !== undefined) prepared.retryBackoff = retryBackoff
  const retryDelayMax = job.retryDelayMax ?? definition?.retryDelayMax
  if (retryDelayMax !== undefined) prepared.retryDelayMax = retryDelayMax
  const deadLetterJobType = job.deadLetterJobType ?? definition?.deadLetterJobType
  if (deadLetterJobType !== undefined) prepared.deadLetterJobType = deadLetterJobType
}

function keepAt(prepared: NewJob[], index: number): (job: NewJob) => void {
  return (job) => {
    prepared[index] = job
  }
}

function refuseAt(index: number): (error: unknown) => never {
  return (error) => {
    throw renamed(error, index)
  }
}

function atIndex<T>(index: number, prepare: () => T): T {
  try {
    return prepare()
  } catch (error) {
    throw renamed(error, index)
  }
}

/** The same error, said of the job at `index`. */
function renamed(error: unknown, index: number): unknown {
  if (!isMillraceError(error)) return error
  const { field } = error.details
  const name = field === undefined || field === 'job' ? `jobs[${index}]` : `jobs[${index}].${field}`
  return new MillraceError(error.code, `jobs[${index}]: ${error.message}`, {
    cause: error,
    details: { ...error.details, field: name },
  })
}

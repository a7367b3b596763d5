import { MillraceError } from '../errors.ts'
import {
  MAX_DURATION_MS,
  checkBoolean,
  checkDate,
  checkInteger,
  checkNames,
  checkNumber,
  checkTags,
  checkText,
  isRecord,
  refuseOption,
} from './check.ts'
import type { NumberRange } from './check.ts'
import { DEPENDENCY_FAILURE_POLICIES, type JobDependsOn, type JobGroup } from './job.ts'
import {
  checkKeyMode,
  checkKeyScope,
  checkQueue,
  checkScope,
  type KeyMode,
  type KeyScope,
  type QueueOption,
} from './lanes.ts'

/** The job type names of a payload map. */
export type JobType<PayloadMap> = keyof PayloadMap & string

/** What can be said of a job besides its type and payload. */
export interface JobSettings {
  /** Attempts in all, the first included: 1 to 1,000,000. Default 3. */
  readonly maxAttempts?: number | undefined
  /** Higher runs first: a 32-bit whole number. Default 0. */
  readonly priority?: number | undefined
  /** Not before this time; `null` and any time of the past mean now. Default now. */
  readonly runAt?: Date | null | undefined
  /** Time limit of one attempt in milliseconds, up to ten years. Default none. */
  readonly timeoutMs?: number | undefined
  /** Run in a thread that is ended at the timeout. Default false. */
  readonly forceKillOnTimeout?: boolean | undefined
  /** At most 1,000 labels of 1 to 255 characters each, kept as given. */
  readonly tags?: readonly string[] | undefined
  /** Makes the job unique: a second add with this key answers the first one's id. 1 to 1,000 characters. */
  readonly idempotencyKey?: string | undefined
  /** What becomes of a job that has the key already. Default `'reuse'`. */
  readonly keyMode?: KeyMode | undefined
  /** What the key is unique within. Default `'tenant'`; `'all'` only with `keyMode` `'reuse'`. */
  readonly keyScope?: KeyScope | undefined
  /**
   * For how long the key is taken, in milliseconds from the add that took it, up to ten years: in that time an add with it answers the id of
   * that job even if the job has ended and is forgotten; later, only while the job is unended. Default: for as long as the job is stored.
   */
  readonly keyWindowMs?: number | undefined
  /** Base delay between attempts in seconds, fractions allowed, up to ten years. Default 60 once any retry option is set. */
  readonly retryDelay?: number | undefined
  /** Doubles the delay with each attempt, with jitter. Default true once any retry option is set. */
  readonly retryBackoff?: boolean | undefined
  /** Longest delay in seconds that doubling reaches, up to ten years. Default 24 hours. */
  readonly retryDelayMax?: number | undefined
  /** The type of the job that is made of this one once its attempts are used up. Default none. */
  readonly deadLetterJobType?: string | undefined
  /** Jobs of one group id share a concurrency limit. */
  readonly group?: JobGroup | undefined
  /** Waits for other jobs. */
  readonly dependsOn?: JobDependsOn | undefined
  /** Whose job it is, for applications that serve several customers. 1 to 255 characters. Default none. */
  readonly tenantId?: string | undefined
  /** A serial lane, in place of `group`. */
  readonly queue?: QueueOption | undefined
}

/** What `addJob` takes. An option that is `undefined` counts as left out; an unknown one is refused. */
export interface JobOptions<
  PayloadMap = Record<string, unknown>,
  T extends JobType<PayloadMap> = JobType<PayloadMap>,
> extends JobSettings {
  /** 1 to 255 characters. */
  readonly jobType: T
  /** What the handler gets. It arrives equal to its JSON round trip, or is refused with `PAYLOAD_INVALID`. */
  readonly payload: PayloadMap[T]
}

/** Job options of any payload map. */
export interface AnyJobOptions extends JobSettings {
  readonly jobType: string
  readonly payload: unknown
}

/** New values for what can be changed of a job, besides its payload. */
export interface EditSettings {
  readonly maxAttempts?: number | undefined
  readonly priority?: number | undefined
  /** `null` means now. */
  readonly runAt?: Date | null | undefined
  readonly timeoutMs?: number | null | undefined
  readonly tags?: readonly string[] | null | undefined
  readonly retryDelay?: number | null | undefined
  readonly retryBackoff?: boolean | null | undefined
  readonly retryDelayMax?: number | null | undefined
  readonly deadLetterJobType?: string | null | undefined
}

/** What `editJob` takes: new values for a job that does not run. Left out: unchanged. `null`: back to the default. */
export interface EditJobOptions<
  PayloadMap = Record<string, unknown>,
  T extends JobType<PayloadMap> = JobType<PayloadMap>,
> extends EditSettings {
  readonly payload?: PayloadMap[T] | undefined
}

/** Edit options of any payload map. */
export interface AnyEditOptions extends EditSettings {
  readonly payload?: unknown
}

/** Every default in one place; the reference prints this table. */
export const DEFAULTS = {
  job: { maxAttempts: 3, priority: 0, forceKillOnTimeout: false },
  /** Seconds. They hold once any retry option is set; with none, the delay is 2^attempt minutes. */
  retry: { delay: 60, backoff: true, delayMax: 86_400 },
  processor: { batchSize: 10, concurrency: 3, pollInterval: 5000, leaseMs: 30_000, drainMs: 30_000 },
  list: { limit: 100, offset: 0, tagMode: 'all' },
  reclaimMinutes: 10,
  daysToKeep: 30,
  /** UTF-8 bytes of an encoded payload. */
  maxPayloadBytes: 1_048_576,
  codec: 'json',
} as const

/** The range of every numeric option of a job. Delays are in seconds. */
export const JOB_RANGES: Readonly<
  Record<'maxAttempts' | 'priority' | 'timeoutMs' | 'retryDelay' | 'retryDelayMax' | 'keyWindowMs', NumberRange>
> = {
  maxAttempts: { min: 1, max: 1_000_000, remedy: 'Leave it out for 3 attempts' },
  priority: { min: -2_147_483_648, max: 2_147_483_647, remedy: 'Leave it out for 0; higher runs first' },
  timeoutMs: { min: 1, max: MAX_DURATION_MS, remedy: 'Give whole milliseconds, or leave it out for no time limit' },
  retryDelay: { min: 0, max: MAX_DURATION_MS / 1000, remedy: 'Give seconds; fractions are allowed' },
  retryDelayMax: { min: 0, max: MAX_DURATION_MS / 1000, remedy: 'Give seconds, or leave it out for 24 hours' },
  keyWindowMs: { min: 1, max: MAX_DURATION_MS, remedy: 'Give whole milliseconds, or leave it out' },
}

/** Longer than a name: keys are often made of several ids. Stores index a hash of it. */
const MAX_KEY_LENGTH = 1000

const JOB_OPTION_NAMES: ReadonlySet<string> = new Set<keyof AnyJobOptions>([
  'jobType',
  'payload',
  'maxAttempts',
  'priority',
  'runAt',
  'timeoutMs',
  'forceKillOnTimeout',
  'tags',
  'idempotencyKey',
  'retryDelay',
  'retryBackoff',
  'retryDelayMax',
  'deadLetterJobType',
  'group',
  'dependsOn',
  'tenantId',
  'keyMode',
  'keyScope',
  'keyWindowMs',
  'queue',
])

const EDIT_OPTION_NAMES: ReadonlySet<string> = new Set<keyof AnyEditOptions>([
  'payload',
  'maxAttempts',
  'priority',
  'runAt',
  'timeoutMs',
  'tags',
  'retryDelay',
  'retryBackoff',
  'retryDelayMax',
  'deadLetterJobType',
])

/** What users of other systems call our options. */
const ALIASES: Readonly<Record<string, string>> = {
  type: 'jobType',
  name: 'jobType',
  data: 'payload',
  args: 'payload',
  attempts: 'maxAttempts',
  retries: 'maxAttempts',
  retryLimit: 'maxAttempts',
  delay: 'runAt',
  startAfter: 'runAt',
  scheduledAt: 'runAt',
  timeout: 'timeoutMs',
  key: 'idempotencyKey',
  jobKey: 'idempotencyKey',
  jobId: 'idempotencyKey',
  singletonKey: 'idempotencyKey',
  backoff: 'retryBackoff',
  deadLetter: 'deadLetterJobType',
  groupId: 'group',
  queueName: 'queue',
  jobKeyMode: 'keyMode',
  tenant: 'tenantId',
}

type Unchecked<T> = { readonly [K in keyof T]?: unknown }

function isUnchecked<T>(value: unknown): value is Unchecked<T> {
  return isRecord(value)
}

/**
 * Throws unless `job` can be added as it is, but for its payload, which `encodePayload` checks.
 *
 * @throws MillraceError `OPTION_INVALID` naming the option.
 */
export function validateJobOptions(job: unknown): void {
  if (!isUnchecked<AnyJobOptions>(job)) return refuseOption('job', job, 'an object', 'Pass `{ jobType, payload }`')
  checkNames(job, JOB_OPTION_NAMES, ALIASES)
  checkText('jobType', job.jobType)
  if (job.runAt !== undefined && job.runAt !== null) checkDate('runAt', job.runAt)
  if (job.idempotencyKey !== undefined) checkText('idempotencyKey', job.idempotencyKey, MAX_KEY_LENGTH)
  checkKeyOptions(job)
  if (job.group !== undefined) checkGroup(job.group)
  if (job.queue !== undefined) checkQueue(job.queue, job.group)
  if (job.dependsOn !== undefined) checkDependsOn(job.dependsOn)
  if (job.tenantId !== undefined) checkScope('tenantId', job.tenantId)
  checkTypeDefaults(job)
}

function checkKeyOptions({
  idempotencyKey: key,
  keyMode: mode,
  keyScope,
  keyWindowMs,
  queue,
}: Unchecked<AnyJobOptions>): void {
  if (mode !== undefined) checkKeyMode(mode, key)
  if (keyScope !== undefined) checkKeyScope(keyScope, { key, mode, queue })
  if (keyWindowMs === undefined) return
  checkInteger('keyWindowMs', keyWindowMs, JOB_RANGES.keyWindowMs)
  if (key === undefined) refuseOption('keyWindowMs', keyWindowMs, 'beside an `idempotencyKey`', 'Give the job a key')
}

/** The options that a job type's definition can set for all its jobs. */
export interface JobTypeDefaults {
  readonly maxAttempts?: number | undefined
  readonly priority?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly forceKillOnTimeout?: boolean | undefined
  readonly tags?: readonly string[] | undefined
  readonly retryDelay?: number | undefined
  readonly retryBackoff?: boolean | undefined
  readonly retryDelayMax?: number | undefined
  readonly deadLetterJobType?: string | undefined
}

/** Throws `OPTION_INVALID` unless every option that a job shares with its type's definition is in range. */
export function checkTypeDefaults(options: Unchecked<JobTypeDefaults>): void {
  if (options.maxAttempts !== undefined) checkInteger('maxAttempts', options.maxAttempts, JOB_RANGES.maxAttempts)
  if (options.priority !== undefined) checkInteger('priority', options.priority, JOB_RANGES.priority)
  if (options.timeoutMs !== undefined) checkInteger('timeoutMs', options.timeoutMs, JOB_RANGES.timeoutMs)
  if (options.forceKillOnTimeout !== undefined) checkBoolean('forceKillOnTimeout', options.forceKillOnTimeout)
  if (options.tags !== undefined) checkTags('tags', options.tags)
  if (options.deadLetterJobType !== undefined) checkText('deadLetterJobType', options.deadLetterJobType)
  checkRetryOptions(options)
}

function checkRetryOptions(options: Unchecked<JobTypeDefaults>): void {
  if (options.retryDelay !== undefined) checkNumber('retryDelay', options.retryDelay, JOB_RANGES.retryDelay)
  if (options.retryBackoff !== undefined) checkBoolean('retryBackoff', options.retryBackoff)
  if (options.retryDelayMax !== undefined) checkNumber('retryDelayMax', options.retryDelayMax, JOB_RANGES.retryDelayMax)
}

function checkGroup(group: unknown): void {
  if (!isUnchecked<JobGroup>(group)) return refuseOption('group', group, 'an object', "Pass `{ id: '…' }`")
  checkScope('group.id', group.id)
  if (group.tier !== undefined) checkText('group.tier', group.tier)
}

function checkDependsOn(dependsOn: unknown): void {
  if (!isUnchecked<JobDependsOn>(dependsOn)) {
    return refuseOption('dependsOn', dependsOn, 'an object', 'Pass `{ jobIds, tags }`')
  }
  checkNames(dependsOn, DEPENDS_ON_NAMES, DEPENDS_ON_ALIASES)
  const { jobIds = [], tags = [], onFailure } = dependsOn
  if (!Array.isArray(jobIds)) return refuseOption('dependsOn.jobIds', jobIds, 'an array of job ids', 'Pass `[id]`')
  if (jobIds.length > MAX_PREREQUISITES)
    refuseOption('dependsOn.jobIds', jobIds, `at most ${MAX_PREREQUISITES} ids`, 'Put a job in between for each part')
  checkTags('dependsOn.tags', tags)
  for (const id of jobIds) {
    const remedy = 'Pass ids that `addJob` or `batchDepRef` answered'
    if (!Number.isSafeInteger(id)) refuseOption('dependsOn.jobIds', id, 'whole numbers', remedy)
  }
  if (onFailure !== undefined && !DEPENDENCY_FAILURE_POLICIES.some((policy) => policy === onFailure)) {
    refuseOption('dependsOn.onFailure', onFailure, "'cancel', 'run' or 'wait'", "Leave it out for 'cancel'")
  }
}

const MAX_PREREQUISITES = 100_000

const DEPENDS_ON_NAMES: ReadonlySet<string> = new Set<keyof JobDependsOn>(['jobIds', 'tags', 'onFailure'])

const DEPENDS_ON_ALIASES: Readonly<Record<string, string>> = { ids: 'jobIds', jobs: 'jobIds', policy: 'onFailure' }

/**
 * Throws what `addJob`, unlike `addJobs`, refuses: ids that stand for another job of the same batch.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export function refuseBatchRefs(dependsOn: JobDependsOn | null | undefined): void {
  const jobIds: unknown = dependsOn?.jobIds
  const reference: unknown = Array.isArray(jobIds) ? jobIds.find((id) => typeof id === 'number' && id < 0) : undefined
  if (reference === undefined) return
  const message = 'dependsOn.jobIds: batch-relative (negative) ids are only supported in addJobs()'
  throw new MillraceError('OPTION_INVALID', message, {
    details: { field: 'dependsOn.jobIds', value: reference, remedy: 'Use `addJobs`' },
  })
}

/**
 * Throws unless `updates` can be applied; the payload is left to `encodePayload`.
 *
 * @throws MillraceError `OPTION_INVALID` naming the option.
 */
export function validateEditOptions(updates: unknown): void {
  if (!isUnchecked<AnyEditOptions>(updates)) {
    return refuseOption('updates', updates, 'an object', 'Pass the options to change')
  }
  for (const [name, value] of Object.entries(updates)) {
    if (value === undefined || EDIT_OPTION_NAMES.has(name) || !JOB_OPTION_NAMES.has(name)) continue
    refuseOption(name, value, 'left out: it cannot be edited', 'Cancel the job and add another')
  }
  checkNames(updates, EDIT_OPTION_NAMES, ALIASES)
  const { payload: _, runAt, maxAttempts, priority, ...clearable } = updates
  if (runAt !== undefined && runAt !== null) checkDate('runAt', runAt)
  checkTypeDefaults({ maxAttempts, priority, ...withoutNulls(clearable) })
}

function withoutNulls<T extends object>(options: T): Partial<T> {
  const kept: Partial<T> = { ...options }
  for (const name in kept) {
    if (kept[name] === null) delete kept[name]
  }
  return kept
}

/**
 * Throws the first of `values` that is not within its range; `undefined` values are skipped.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export function validateNumbers<Name extends string>(
  values: { readonly [N in Name]?: unknown },
  ranges: Readonly<Record<Name, NumberRange>>,
): void {
  for (const name in ranges) {
    if (values[name] !== undefined) checkInteger(name, values[name], ranges[name])
  }
}

/** The range of every number a processor takes; times are in milliseconds. */
export const PROCESSOR_RANGES: Readonly<Record<'batchSize' | 'concurrency' | 'pollInterval' | 'leaseMs', NumberRange>> =
  {
    batchSize: { min: 1, max: 10_000, remedy: 'Leave it out for 10' },
    concurrency: { min: 1, max: 10_000, remedy: 'Leave it out for 3' },
    pollInterval: { min: 10, max: 86_400_000, remedy: 'Leave it out for 5000 milliseconds' },
    leaseMs: { min: 2000, max: 86_400_000, remedy: 'Leave it out for 30000 milliseconds' },
  }

/**
 * Throws unless the numbers of a processor's options are in `PROCESSOR_RANGES`.
 *
 * @throws MillraceError `OPTION_INVALID`; for `groupConcurrency` with the sentence DataQueue has.
 */
export function validateProcessorNumbers(options: {
  readonly [N in keyof typeof PROCESSOR_RANGES | 'groupConcurrency']?: unknown
}): void {
  const { groupConcurrency, ...numbers } = options
  validateNumbers(numbers, PROCESSOR_RANGES)
  if (groupConcurrency === undefined) return
  if (Number.isSafeInteger(groupConcurrency) && Number(groupConcurrency) >= 1) return
  const message = 'Processor option "groupConcurrency" must be a positive integer when provided.'
  throw new MillraceError('OPTION_INVALID', message, {
    details: { field: 'groupConcurrency', value: groupConcurrency, remedy: 'Leave it out for no limit' },
  })
}

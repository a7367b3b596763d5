import { checkDate, checkInteger, checkNames, checkText, isDate, isRecord, refuseOption } from './check.ts'
import { JOB_STATUSES } from './job.ts'
import type { JobStatus } from './job.ts'
import { JOB_RANGES } from './options.ts'
import type { JobType } from './options.ts'

/** How the tags of a filter are compared: all of them, any, none, or exactly these in whatever order. */
export type TagMode = 'all' | 'any' | 'none' | 'exact'

const TAG_MODES: readonly TagMode[] = ['all', 'any', 'none', 'exact']

/** A span of time; all its limits hold together. */
export interface DateLimits {
  readonly gt?: Date | undefined
  readonly gte?: Date | undefined
  readonly lt?: Date | undefined
  readonly lte?: Date | undefined
  readonly eq?: Date | undefined
}

const LIMIT_NAMES: ReadonlySet<string> = new Set<keyof DateLimits>(['gt', 'gte', 'lt', 'lte', 'eq'])

/** A type of the map, or of another program on the same queue; a name in a variable need not be narrowed. */
type AnyType<PayloadMap> = JobType<PayloadMap> | (string & Record<never, never>)

/** Which jobs a list or a bulk change means. All conditions hold together; one that is `undefined` is none. */
export interface JobFilters<PayloadMap = Record<string, unknown>> {
  readonly jobType?: AnyType<PayloadMap> | readonly AnyType<PayloadMap>[] | undefined
  readonly status?: JobStatus | readonly JobStatus[] | undefined
  readonly priority?: number | undefined
  /** A `Date` means exactly then. */
  readonly runAt?: Date | DateLimits | undefined
  readonly createdAt?: Date | DateLimits | undefined
  /** `mode` defaults to `'all'`. `'none'` also finds jobs without tags. */
  readonly tags?: { readonly values: readonly string[]; readonly mode?: TagMode | undefined } | undefined
  readonly groupId?: string | undefined
  readonly tenantId?: string | undefined
  /** Only failures that will not be retried, or only those that will. */
  readonly final?: boolean | undefined
  /** Only these; at most 10,000. */
  readonly ids?: readonly number[] | undefined
  /** Lists only: ids below this one; an offset is then ignored. */
  readonly cursor?: number | undefined
}

const FILTER_NAMES: ReadonlySet<string> = new Set<keyof JobFilters>([
  'jobType',
  'status',
  'priority',
  'runAt',
  'createdAt',
  'tags',
  'groupId',
  'tenantId',
  'final',
  'ids',
  'cursor',
])

const FILTER_ALIASES: Readonly<Record<string, string>> = {
  type: 'jobType',
  state: 'status',
  group: 'groupId',
  tag: 'tags',
}

/** `JobFilters` after validation: no key is present with `undefined`, so a store can take it as it is. */
export interface ValidFilters {
  readonly jobType?: string | readonly string[]
  readonly status?: JobStatus | readonly JobStatus[]
  readonly priority?: number
  readonly runAt?: ValidDateLimits
  readonly createdAt?: ValidDateLimits
  readonly tags?: { readonly values: readonly string[]; readonly mode: TagMode }
  readonly groupId?: string
  readonly tenantId?: string
  readonly final?: boolean
  readonly ids?: readonly number[]
  readonly cursor?: number
}

export interface ValidDateLimits {
  readonly gt?: Date
  readonly gte?: Date
  readonly lt?: Date
  readonly lte?: Date
  readonly eq?: Date
}

/**
 * The filters as a store takes them; none for `undefined` and `null`. A misspelt filter is refused, since ignoring it
 * would make a bulk change hit every job.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export function validateFilters(filters: unknown): ValidFilters {
  if (filters === undefined || filters === null) return {}
  if (!isRecord(filters)) return refuseOption('filters', filters, 'an object', "Pass `{ jobType: '…' }`")
  checkNames(filters, FILTER_NAMES, FILTER_ALIASES)
  return { ...validNames(filters), ...validRest(filters) }
}

type Given = Readonly<Record<string, unknown>>

function validNames({ jobType, status, groupId, tenantId }: Given): ValidFilters {
  if (groupId !== undefined) checkText('groupId', groupId)
  if (tenantId !== undefined) checkText('tenantId', tenantId)
  return {
    ...(jobType !== undefined && { jobType: oneOrMore('jobType', jobType, validType) }),
    ...(status !== undefined && { status: oneOrMore('status', status, validStatus) }),
    ...(groupId !== undefined && { groupId }),
    ...(tenantId !== undefined && { tenantId }),
  }
}

function validRest({ priority, runAt, createdAt, tags, final, ids, cursor }: Given): ValidFilters {
  return {
    ...(priority !== undefined && { priority: validNumber('priority', priority) }),
    ...(runAt !== undefined && { runAt: validLimits('runAt', runAt) }),
    ...(createdAt !== undefined && { createdAt: validLimits('createdAt', createdAt) }),
    ...(tags !== undefined && { tags: validTags(tags) }),
    ...(final !== undefined && { final: validFlag('final', final) }),
    ...(ids !== undefined && { ids: validIds(ids) }),
    ...(cursor !== undefined && { cursor: validNumber('cursor', cursor) }),
  }
}

function oneOrMore<T>(field: string, value: unknown, valid: (field: string, value: unknown) => T): T | readonly T[] {
  if (!Array.isArray(value)) return valid(field, value)
  return value.map((item, index) => valid(`${field}[${index}]`, item))
}

function validType(field: string, value: unknown): string {
  checkText(field, value)
  return value
}

function validStatus(field: string, value: unknown): JobStatus {
  const status = JOB_STATUSES.find((known) => known === value)
  return status ?? refuseOption(field, value, 'a status', `Use one of ${JOB_STATUSES.join(', ')}`)
}

const ID_RANGE = { min: 0, max: Number.MAX_SAFE_INTEGER, remedy: 'Pass the smallest id of the page before' }

function validNumber(field: 'priority' | 'cursor', value: unknown): number {
  checkInteger(field, value, field === 'priority' ? JOB_RANGES.priority : ID_RANGE)
  return Number(value)
}

const MOST_IDS = 10_000

function validIds(ids: unknown): readonly number[] {
  const remedy = `Pass at most ${MOST_IDS} ids`
  if (!Array.isArray(ids) || ids.length > MOST_IDS) return refuseOption('ids', ids, 'an array of ids', remedy)
  return ids.map((id, index) => {
    checkInteger(`ids[${index}]`, id, { ...ID_RANGE, remedy: 'Pass what `addJob` resolved with' })
    return Number(id)
  })
}

function validFlag(field: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : refuseOption(field, value, 'true or false', 'Leave it out for both')
}

function validLimits(field: string, value: unknown): ValidDateLimits {
  if (isDate(value)) {
    checkDate(field, value)
    return { eq: value }
  }
  if (!isRecord(value)) return refuseOption(field, value, 'a Date or limits', 'Pass `{ gte: new Date(…) }`')
  checkNames(value, LIMIT_NAMES)
  const limits: { -readonly [K in keyof ValidDateLimits]: Date } = {}
  for (const name of ['gt', 'gte', 'lt', 'lte', 'eq'] as const) {
    const limit = value[name]
    if (limit === undefined) continue
    checkDate(`${field}.${name}`, limit)
    limits[name] = limit
  }
  return limits
}

function validTags(tags: unknown): { readonly values: readonly string[]; readonly mode: TagMode } {
  const remedy = "Pass `{ values: ['…'], mode: 'any' }`"
  if (!isRecord(tags) || !Array.isArray(tags['values']))
    return refuseOption('tags', tags, 'an object with values', remedy)
  const given = tags['mode'] ?? 'all'
  const mode = TAG_MODES.find((known) => known === given)
  if (mode === undefined) return refuseOption('tags.mode', given, 'a tag mode', `Use one of ${TAG_MODES.join(', ')}`)
  return { values: tags['values'].map((tag, index) => validType(`tags.values[${index}]`, tag)), mode }
}

import type { DateRange, JobFilter } from 'millrace/store'

/** Where ids of jobs are listed; see `lua/lib/ends.lua`. */
export type JobIndex = 'live' | 'done' | 'dead:f' | 'dead:c'

export const JOB_INDEXES: readonly JobIndex[] = ['live', 'done', 'dead:f', 'dead:c']

const LETTERS = { pending: 'p', processing: 'x', completed: 'k', failed: 'f', cancelled: 'c', waiting: 'w' } as const

/** What each index can hold, by the letters of public statuses. */
const HOLDS: Readonly<Record<JobIndex, string>> = { live: 'pxfw', done: 'k', 'dead:f': 'f', 'dead:c': 'c' }

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}

/** The filter as `lua/lib/filter.lua` reads it. Without ids when there is no list of them. */
export function filterJson(filter: JobFilter): string {
  const { jobType, status, priority, runAt, createdAt, tags, groupId, tenantId, ids, final } = filter
  return JSON.stringify({
    types: jobType === undefined ? undefined : listOf<string>(jobType),
    statuses: status === undefined ? undefined : listOf(status).map((one) => LETTERS[one]),
    priority,
    runAt: runAt === undefined ? undefined : conditions(runAt instanceof Date ? { eq: runAt } : runAt),
    createdAt: createdAt === undefined ? undefined : conditions(createdAt),
    tags: tags === undefined ? undefined : { values: tags.values, mode: tags.mode ?? 'all' },
    group: groupId,
    tenant: tenantId,
    ids: ids?.toSorted((a, b) => a - b),
    final,
  })
}

function conditions(range: DateRange): readonly (readonly [string, number])[] {
  return (['gt', 'gte', 'lt', 'lte', 'eq'] as const).flatMap((name) => {
    const limit = range[name]
    return limit === undefined ? [] : [[name, limit.getTime()] as const]
  })
}

/** The indexes that can hold a match; none if nothing can match at all. */
export function indexesOf({ status, ids, final }: JobFilter): readonly JobIndex[] {
  if (ids?.length === 0) return []
  const letters = status === undefined ? undefined : listOf(status).map((one) => LETTERS[one])
  return JOB_INDEXES.filter(
    (index) =>
      (letters === undefined || letters.some((letter) => HOLDS[index].includes(letter))) &&
      (final === undefined || index === (final ? 'dead:f' : 'live')),
  )
}

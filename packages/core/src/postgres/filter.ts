import type { JobStatus } from '../model/job.ts'
import type { JobFilter } from '../store/inspect.ts'
import { timestamp } from './rows.ts'

/** The three places a job can be; see `0001_engine.sql`. */
export type JobTable = 'jobs' | 'finished_jobs' | 'failed_jobs'

export const JOB_TABLES: readonly JobTable[] = ['jobs', 'finished_jobs', 'failed_jobs']

/** The public status of a row under the alias `j`, as the letter that `rows.ts` reads. */
const STATUS_SQL: Readonly<Record<JobTable, string>> = {
  jobs:
    "case when j.lane = 'x' then 'x' when j.lane in ('t', 'w') and (j.wait_until is not null or j.wait_token_id is not null) then 'w' " +
    "when j.next_attempt_at is not null then 'f' else 'p' end",
  finished_jobs: "'k'",
  failed_jobs: 'j.status::text',
}

export function statusSql(table: JobTable): string {
  return STATUS_SQL[table]
}

/** Which rows of a table have a public status; `null`: none can. */
export function statusCondition(table: JobTable, status: JobStatus): string | null {
  if (table === 'finished_jobs') return status === 'completed' ? 'true' : null
  if (table === 'failed_jobs')
    return status === 'failed' ? "j.status = 'f'" : status === 'cancelled' ? "j.status = 'c'" : null
  switch (status) {
    case 'processing':
      // By the leases: among a million pending jobs the few that run have no index of their own.
      return "(j.lane = 'x' and j.id = any (array(select unnest(l.job_ids) from :schema.leases l)))"
    case 'waiting':
      return "(j.lane in ('t', 'w') and (j.wait_until is not null or j.wait_token_id is not null))"
    case 'failed':
      return "(j.lane <> 'x' and j.next_attempt_at is not null)"
    case 'pending':
      return "(j.lane <> 'x' and j.next_attempt_at is null and (j.lane not in ('t', 'w') or (j.wait_until is null and j.wait_token_id is null)))"
    case 'completed':
    case 'cancelled':
      return null
  }
}

/** Collects the values of a statement; `add` answers the placeholder. */
export class Parameters {
  readonly values: unknown[] = []

  add(value: unknown, type: string): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}

function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}

/** The condition that `filter` means for a table under the alias `j`, or `null` when no row of it can match. */
export function filterCondition(table: JobTable, filter: JobFilter, parameters: Parameters): string | null {
  const state = stateConditions(table, filter)
  if (state === null) return null
  const all = [...state, ...fieldConditions(filter, parameters)]
  return all.length === 0 ? 'true' : all.join(' and ')
}

function stateConditions(table: JobTable, { status, final }: JobFilter): string[] | null {
  const all: string[] = []
  if (status !== undefined) {
    const any = list<JobStatus>(status).flatMap((one) => statusCondition(table, one) ?? [])
    if (any.length === 0) return null
    all.push(`(${any.join(' or ')})`)
  }
  if (final === undefined) return all
  // Only failures are final or not: a live one between two attempts is not.
  if (table === 'finished_jobs' || (table === 'failed_jobs') !== final) return null
  return [...all, table === 'jobs' ? 'j.next_attempt_at is not null' : "j.status = 'f'"]
}

function fieldConditions(filter: JobFilter, parameters: Parameters): string[] {
  const all: string[] = []
  if (filter.jobType !== undefined)
    all.push(`j.job_type = any (${parameters.add(list<string>(filter.jobType), 'text[]')})`)
  if (filter.priority !== undefined) all.push(`j.priority = ${parameters.add(filter.priority, 'integer')}`)
  if (filter.ids !== undefined) all.push(`j.id = any (${parameters.add(filter.ids, 'bigint[]')})`)
  if (filter.tenantId !== undefined) all.push(`j.tenant_id = ${parameters.add(filter.tenantId, 'text')}`)
  if (filter.groupId !== undefined) {
    const group = parameters.add(filter.groupId, 'text')
    all.push(`j.group_key = case when j.tenant_id is null then ${group} else j.tenant_id || chr(31) || ${group} end`)
  }
  if (filter.runAt !== undefined) all.push(...dateConditions('j.run_at', filter.runAt, parameters))
  if (filter.createdAt !== undefined) all.push(...dateConditions('j.created_at', filter.createdAt, parameters))
  if (filter.tags !== undefined) all.push(tagCondition(filter.tags, parameters))
  return all
}

const COMPARISONS = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=' } as const

function dateConditions(
  column: string,
  range:
    | Date
    | { readonly gt?: Date; readonly gte?: Date; readonly lt?: Date; readonly lte?: Date; readonly eq?: Date },
  parameters: Parameters,
): string[] {
  // A Date holds milliseconds where the column holds microseconds: equal means within the millisecond.
  const cut = `date_trunc('milliseconds', ${column})`
  if (range instanceof Date) return [`${cut} = ${parameters.add(timestamp(range), 'timestamptz')}`]
  return (['gt', 'gte', 'lt', 'lte', 'eq'] as const).flatMap((name) => {
    const value = range[name]
    return value === undefined ? [] : [`${cut} ${COMPARISONS[name]} ${parameters.add(timestamp(value), 'timestamptz')}`]
  })
}

function tagCondition(tags: NonNullable<JobFilter['tags']>, parameters: Parameters): string {
  const values = parameters.add(tags.values, 'text[]')
  switch (tags.mode ?? 'all') {
    case 'all':
      return `j.tags @> ${values}`
    case 'any':
      return `j.tags && ${values}`
    case 'none':
      return `not coalesce(j.tags && ${values}, false)`
    case 'exact':
      // What is exactly some tags has them all, which an index finds; what is exactly none may have no list of them.
      return tags.values.length > 0
        ? `(j.tags @> ${values} and j.tags <@ ${values})`
        : `coalesce(cardinality(j.tags), 0) = cardinality(${values})`
  }
}

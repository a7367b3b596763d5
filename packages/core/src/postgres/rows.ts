import { MillraceError } from '../errors.ts'
import type { FailureReason, JobError, JobRecord, JobStatus } from '../model/job.ts'
import { FailureReason as Reasons, isJobError, type JobSchedule } from '../model/job.ts'
import { decodePayload } from '../model/codec.ts'
import { stepData } from '../model/step-data.ts'
import type { Row } from './executor.ts'

/**
 * The one place where values of the wire become values of the program. Everything above gets typed data; `unknown` ends
 * here.
 */

/** A `bigint` column as a safe integer. */
export function integer(value: unknown): number {
  const number = Number(value)
  if (value === null || !Number.isSafeInteger(number)) {
    throw new MillraceError('STORE_FAILED', `The database answered ${String(value)} where an integer belongs.`)
  }
  return number
}

export function integerOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : integer(value)
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : text(value)
}

export function json(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value
}

/** A `timestamptz` in PostgreSQL's ISO output or as JSON has it, whatever the session's time zone. */
export function date(value: unknown): Date {
  if (value instanceof Date) return value
  const given = text(value)
  // "2026-01-31 12:00:00.123456+00" and "+05:30": what Date reads once the blank is a T and the zone has minutes.
  const iso = given.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
  const parsed = new Date(iso)
  return Number.isNaN(parsed.getTime()) ? farDate(given) : parsed
}

export function dateOrNull(value: unknown): Date | null {
  return value === null || value === undefined ? null : date(value)
}

/** Years past 9999, years BC and the infinities, which the ISO parser of Date does not read in PostgreSQL's spelling. */
function farDate(given: string): Date {
  if (given === 'infinity') return new Date(8.64e15)
  if (given === '-infinity') return new Date(-8.64e15)
  const match = /^(\d+)-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d)?(?::\d\d)?)?( BC)?$/.exec(
    given,
  )
  if (!match) throw new MillraceError('STORE_FAILED', `The database answered ${given} where a time belongs.`)
  const year = match[8] ? 1 - Number(match[1]) : Number(match[1])
  const zone = (match[7] ?? '+00').split(':').map(Number)
  const sign = (match[7] ?? '+').startsWith('-') ? -1 : 1
  const offsetMs = sign * (Math.abs(zone[0] ?? 0) * 3600 + (zone[1] ?? 0) * 60 + (zone[2] ?? 0)) * 1000
  const time = new Date(0)
  time.setUTCFullYear(year, Number(match[2]) - 1, Number(match[3]))
  time.setUTCHours(Number(match[4]), Number(match[5]), 0, Math.floor(Number(match[6]) * 1000))
  return new Date(time.getTime() - offsetMs)
}

/** What PostgreSQL reads as the same instant, for every Date that exists; past its range becomes infinity. */
export function timestamp(value: Date): string {
  const year = value.getUTCFullYear()
  if (year >= 1 && year <= 9999) return value.toISOString()
  if (year > 294275) return 'infinity'
  if (year < -4711) return '-infinity'
  const rest = value.toISOString().replace(/^[+-]?\d+/, '')
  return year > 0 ? `${year}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`
}

/** The elements of `bigint[]` in PostgreSQL's text form, or a driver's array. */
export function integers(value: unknown): number[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value.map(integer)
  const inner = text(value).slice(1, -1)
  return inner === '' ? [] : inner.split(',').map(integer)
}

/** What a settling function answers: the attempts that were lost, each by its `attemptKey`. From PostgreSQL's text form or JSON. */
export function attemptKeys(value: unknown): ReadonlySet<string> {
  const flat = Array.isArray(value)
    ? value.flat()
    : text(value ?? '')
        .replace(/[{}]/g, '')
        .split(',')
        .filter(Boolean)
  const keys = new Set<string>()
  for (let at = 0; at < flat.length; at += 2) {
    keys.add(attemptKey({ id: integer(flat[at]), token: integer(flat[at + 1]) }))
  }
  return keys
}

export function attemptKey({ id, token }: { readonly id: number; readonly token: number }): string {
  return `${id}:${token}`
}

/** A `timestamptz` as text that `date` reads, whatever the session's `DateStyle`. */
export function timeColumn(column: string): string {
  return `to_json(${column}) #>> '{}'`
}

/**
 * The columns that `jobRecord` reads, in order, for a job table under the alias `j`; `%STATUS%`, `%NEXT%`, `%PENDING%` and `%STEPS%`
 * differ by table.
 */
export const RECORD_COLUMNS: string = `
  j.id, j.job_type, j.payload::text, j.rich, %STATUS% as status, ${timeColumn('j.created_at')}, ${timeColumn('j.changed_at')},
  ${timeColumn('j.claimed_at')}, j.locked_by, j.attempts, j.max_attempts, ${timeColumn('%NEXT%')}, j.priority,
  ${timeColumn('j.run_at')}, %PENDING%,
  (select coalesce(jsonb_agg(e.value -> 'error'), '[]') from jsonb_array_elements(j.log) e where e.value -> 'error' is not null)::text
    as errors,
  j.timeout_ms, j.force_kill, j.failure_reason, ${timeColumn('j.finished_at')}, ${timeColumn('j.started_at')},
  ${timeColumn('j.last_retried_at')}, ${timeColumn('j.last_failed_at')}, ${timeColumn('j.last_cancelled_at')},
  to_jsonb(j.tags)::text as tags, j.idempotency_key, ${timeColumn('j.wait_until')}, j.wait_token_id, j.progress, j.output::text,
  j.retry_delay, j.retry_backoff, j.retry_delay_max, j.dead_letter_job_type, ${timeColumn('j.dead_lettered_at')},
  j.dead_letter_job_id, :schema.group_id(j.group_key, j.tenant_id) as group_id,
  case when not :schema.is_queue(j.group_key) then j.group_tier end as group_tier,
  to_jsonb(j.depends_on_job_ids)::text as depends_on_job_ids, to_jsonb(j.depends_on_tags)::text as depends_on_tags, j.tenant_id,
  :schema.queue_name(j.group_key, j.tenant_id) as queue, j.handler_version, j.schedule::text as schedule,
  %STEPS% as steps`

/** A record from a row of `RECORD_COLUMNS`. */
export function jobRecord(row: Row): JobRecord {
  const [id, jobType, payload, rich, status, createdAt, changedAt, claimedAt, lockedBy, attempts, maxAttempts] = row
  const [nextAttemptAt, priority, runAt, pendingReason, errors, timeoutMs, forceKill, failureReason] = row.slice(11)
  const [finishedAt, startedAt, lastRetriedAt, lastFailedAt, lastCancelledAt, tags, key, waitUntil] = row.slice(19)
  const [waitTokenId, progress, output, retryDelay, retryBackoff, retryDelayMax, letterType] = row.slice(27)
  const [letteredAt, letterId, groupId, groupTier, dependsOnJobIds, dependsOnTags, tenantId, queue] = row.slice(34)
  const [version, schedule, steps] = row.slice(42)
  const state = jobStatus(status)
  const codec = rich === true ? 'rich' : 'json'
  return {
    id: integer(id),
    jobType: text(jobType) as never,
    payload: decodePayload(text(payload), codec) as never,
    status: state,
    createdAt: date(createdAt),
    updatedAt: latest([createdAt, changedAt, claimedAt, finishedAt, lastFailedAt, lastRetriedAt, lastCancelledAt]),
    lockedAt: state === 'processing' ? dateOrNull(claimedAt) : null,
    lockedBy: state === 'processing' ? textOrNull(lockedBy) : null,
    attempts: integer(attempts),
    maxAttempts: integer(maxAttempts),
    nextAttemptAt: dateOrNull(nextAttemptAt),
    priority: integer(priority),
    runAt: date(runAt),
    pendingReason: textOrNull(pendingReason),
    errorHistory: jobErrors(json(errors)),
    timeoutMs: integerOrNull(timeoutMs),
    forceKillOnTimeout: forceKill === true,
    failureReason: state === 'completed' ? null : failureReasonOrNull(failureReason),
    completedAt: state === 'completed' ? dateOrNull(finishedAt) : null,
    startedAt: dateOrNull(startedAt),
    lastRetriedAt: dateOrNull(lastRetriedAt),
    lastFailedAt: dateOrNull(lastFailedAt),
    lastCancelledAt: dateOrNull(lastCancelledAt),
    tags: strings(tags),
    idempotencyKey: textOrNull(key),
    waitUntil: state === 'waiting' ? dateOrNull(waitUntil) : null,
    waitTokenId: state === 'waiting' ? textOrNull(waitTokenId) : null,
    stepData: stepData(steps === null ? null : json(steps)),
    progress: numberOrNull(progress),
    output: output === null ? null : json(output),
    retryDelay: numberOrNull(retryDelay),
    retryBackoff: typeof retryBackoff === 'boolean' ? retryBackoff : null,
    retryDelayMax: numberOrNull(retryDelayMax),
    deadLetterJobType: textOrNull(letterType),
    deadLetteredAt: dateOrNull(letteredAt),
    deadLetterJobId: integerOrNull(letterId),
    groupId: textOrNull(groupId),
    groupTier: textOrNull(groupTier),
    dependsOnJobIds: dependsOnJobIds === null ? null : numbers(dependsOnJobIds),
    dependsOnTags: strings(dependsOnTags),
    tenantId: textOrNull(tenantId),
    queue: textOrNull(queue),
    handlerVersion: integerOrNull(version),
    schedule: jobSchedule(json(schedule)),
  }
}

/** The schedule that added a job, as the job remembers it. */
export function jobSchedule(value: unknown): JobSchedule | null {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('tick' in value)) return null
  return { name: text(value.name), tick: date(value.tick), isManual: 'manual' in value && value.manual === true }
}

function latest(values: readonly unknown[]): Date {
  const times = values.map(dateOrNull).filter((value): value is Date => value !== null)
  return new Date(Math.max(...times.map((time) => time.getTime())))
}

const STATUS_BY_LETTER: Readonly<Record<string, JobStatus>> = {
  p: 'pending',
  x: 'processing',
  k: 'completed',
  f: 'failed',
  c: 'cancelled',
  w: 'waiting',
}

export function jobStatus(value: unknown): JobStatus {
  const status = STATUS_BY_LETTER[text(value)]
  if (status === undefined)
    throw new MillraceError('STORE_FAILED', `The database answered an unknown status ${text(value)}.`)
  return status
}

const REASONS: ReadonlySet<string> = new Set(Object.values(Reasons))

function isReason(value: string): value is FailureReason {
  return REASONS.has(value)
}

export function failureReasonOrNull(value: unknown): FailureReason | null {
  const given = textOrNull(value)
  return given !== null && isReason(given) ? given : null
}

/** A JSON array of texts. */
export function strings(value: unknown): string[] | null {
  const parsed = value === null || value === undefined ? null : json(value)
  return Array.isArray(parsed) ? parsed.map(text) : null
}

function numbers(value: unknown): number[] {
  const parsed = json(value)
  return Array.isArray(parsed) ? parsed.map(integer) : []
}

function jobErrors(value: unknown): JobError[] {
  return Array.isArray(value) ? value.filter(isJobError) : []
}

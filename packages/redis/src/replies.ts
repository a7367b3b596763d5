import { MillraceError } from 'millrace'
import type { FailureReason, JobError, JobRecord, JobSchedule } from 'millrace/store'
import { decodePayload, isJobError, stepData } from 'millrace/store'

/**
 * The one place where what a script answers becomes values of the program. Everything above gets typed data; `unknown` ends here.
 */

/** A list in an answer. */
export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new MillraceError('STORE_FAILED', 'Redis answered something where a list belongs.')
  return value
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

export function integer(value: unknown): number {
  const number = Number(value)
  if (value === '' || value === null || !Number.isSafeInteger(number))
    throw new MillraceError('STORE_FAILED', `Redis answered ${String(value)} where an integer belongs.`)
  return number
}

/** The fields of a job by their short names; see `lua/lib/base.lua`. */
export class Fields {
  readonly #values: ReadonlyMap<string, string>

  constructor(flat: unknown) {
    const values = new Map<string, string>()
    const pairs = list(flat)
    for (let at = 0; at < pairs.length; at += 2) values.set(text(pairs[at]), text(pairs[at + 1]))
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  text(name: string): string {
    const value = this.#values.get(name)
    if (value === undefined) throw new MillraceError('STORE_FAILED', `A stored job has no field \`${name}\`.`)
    return value
  }

  textOrNull(name: string): string | null {
    return this.#values.get(name) ?? null
  }

  number(name: string, other: number): number {
    const value = this.#values.get(name)
    return value === undefined ? other : Number(value)
  }

  numberOrNull(name: string): number | null {
    const value = this.#values.get(name)
    return value === undefined ? null : Number(value)
  }

  dateOrNull(name: string): Date | null {
    const value = this.#values.get(name)
    return value === undefined ? null : new Date(Number(value))
  }

  booleanOrNull(name: string): boolean | null {
    const value = this.#values.get(name)
    return value === undefined ? null : value === '1'
  }

  stringsOrNull(name: string): string[] | null {
    const value = this.#values.get(name)
    return value === undefined ? null : strings(JSON.parse(value))
  }
}

function strings(value: unknown): string[] | null {
  return Array.isArray(value) ? value.map(text) : null
}

/** The schedule that added a job, as the job remembers it. */
export function jobSchedule(fields: Fields): JobSchedule | null {
  const stored = fields.textOrNull('sc')
  const value: unknown = stored === null ? null : JSON.parse(stored)
  if (typeof value !== 'object' || value === null || !('name' in value) || !('tick' in value)) return null
  const isManual = 'manual' in value && value.manual === true
  return { name: text(value.name), tick: new Date(Number(value.tick)), isManual }
}

const GROUP_SEPARATOR = '\u001f'
const QUEUE_MARK = '\u001e'

/** What jobs that share a limit have in common; undefined for a job without group and queue. */
export function groupKey(
  tenant: string | undefined,
  group: string | undefined,
  queue: string | undefined,
): string | undefined {
  const whose = tenant === undefined ? '' : `${tenant}${GROUP_SEPARATOR}`
  if (queue !== undefined) return `${QUEUE_MARK}${whose}${queue}`
  return group === undefined ? undefined : `${whose}${group}`
}

interface Membership {
  readonly groupId: string | null
  readonly queue: string | null
}

export function groupOf(fields: Fields): Membership {
  return groupOfKey(fields.textOrNull('gk'), fields.textOrNull('tn'))
}

/** What `groupKey` was made from. */
export function groupOfKey(key: string | null, tenant: string | null): Membership {
  if (key === null) return { groupId: null, queue: null }
  const isQueue = key.startsWith(QUEUE_MARK)
  const name = key.slice((isQueue ? 1 : 0) + (tenant === null ? 0 : tenant.length + 1))
  return isQueue ? { groupId: null, queue: name } : { groupId: name, queue: null }
}

/** An entry of a trail as `jobEvents` reads it: with times in ISO 8601. */
export function trailEntries(trail: unknown): Readonly<Record<string, unknown>>[] {
  return list(trail).map((stored) => {
    const entry: Readonly<Record<string, unknown>> = { ...(JSON.parse(text(stored)) as object) }
    const { at, claimedAt } = entry
    return {
      ...entry,
      ...(typeof at === 'number' ? { at: new Date(at).toISOString() } : {}),
      ...(typeof claimedAt === 'number' ? { claimedAt: new Date(claimedAt).toISOString() } : {}),
    }
  })
}

const STATUSES = { k: 'completed', f: 'failed', c: 'cancelled', x: 'processing' } as const

function statusOf(fields: Fields): JobRecord['status'] {
  const lane = fields.text('l')
  if (lane === 'k' || lane === 'f' || lane === 'c' || lane === 'x') return STATUSES[lane]
  if ((lane === 't' || lane === 'w') && (fields.has('wu') || fields.has('wk'))) return 'waiting'
  return fields.has('na') ? 'failed' : 'pending'
}

const REASONS: ReadonlySet<string> = new Set([
  'timeout',
  'handler_error',
  'no_handler',
  'worker_lost',
  'payload_invalid',
])

function isReason(value: string | null): value is FailureReason {
  return value !== null && REASONS.has(value)
}

export function errorsOf(trail: unknown): JobError[] {
  return trailEntries(trail)
    .map(({ error }) => error)
    .filter(isJobError)
}

/** Of a blocked job what it waits for, as it is now. */
function pendingReason(fields: Fields): string | null {
  if (fields.text('l') !== 'd') return fields.textOrNull('pr')
  const tags = fields.has('bt') ? fields.stringsOrNull('dt') : null
  const jobs = fields.number('un', 0) - (tags === null ? 0 : 1)
  const parts = [
    ...(jobs > 0 ? [`waiting for ${jobs} of the jobs it depends on`] : []),
    ...(tags === null ? [] : [`waiting for jobs tagged ${tags.join(', ')}`]),
  ]
  return parts.join('; ')
}

function latest(fields: Fields, names: readonly string[]): Date {
  return new Date(Math.max(...names.map((name) => fields.number(name, 0))))
}

/** A record from what `get.lua` and `list.lua` answer of a job. */
export function jobRecord(answer: unknown): JobRecord {
  const [id, flat, trail, steps] = list(answer)
  const fields = new Fields(flat)
  const status = statusOf(fields)
  const failureReason = fields.textOrNull('fr')
  return {
    id: integer(id),
    jobType: fields.text('n') as never,
    payload: decodePayload(fields.text('p'), fields.has('rich') ? 'rich' : 'json') as never,
    status,
    ...times(fields, status),
    lockedBy: status === 'processing' ? fields.textOrNull('by') : null,
    attempts: fields.number('a', 0),
    maxAttempts: fields.number('m', 3),
    priority: fields.number('y', 0),
    pendingReason: pendingReason(fields),
    errorHistory: errorsOf(trail),
    timeoutMs: fields.numberOrNull('to'),
    forceKillOnTimeout: fields.has('fk'),
    failureReason: status !== 'completed' && isReason(failureReason) ? failureReason : null,
    tags: fields.stringsOrNull('tg'),
    idempotencyKey: fields.textOrNull('ik'),
    waitUntil: status === 'waiting' ? fields.dateOrNull('wu') : null,
    waitTokenId: status === 'waiting' ? fields.textOrNull('wk') : null,
    stepData: status === 'completed' ? undefined : stepsOf(list(steps)),
    progress: fields.numberOrNull('prog'),
    output: fields.has('out') ? (JSON.parse(fields.text('out')) as unknown) : null,
    retryDelay: fields.numberOrNull('rd'),
    retryBackoff: fields.booleanOrNull('rb'),
    retryDelayMax: fields.numberOrNull('rm'),
    ...belongings(fields),
  }
}

/** From rows of `lua/lib/steps.lua`. */
function stepsOf(rows: readonly unknown[]): JobRecord['stepData'] {
  if (rows.length === 0) return undefined
  return stepData(
    rows.map((row) => {
      const [key, kind, status, rich, timedOut, awaited, , result] = list(row)
      const value: unknown = result === '' ? null : JSON.parse(text(result))
      return [key, kind, status, rich === 1, timedOut === 1, awaited === '' ? null : awaited, value]
    }),
  )
}

function times(
  fields: Fields,
  status: JobRecord['status'],
): Pick<
  JobRecord,
  | 'createdAt'
  | 'updatedAt'
  | 'lockedAt'
  | 'nextAttemptAt'
  | 'runAt'
  | 'completedAt'
  | 'startedAt'
  | 'lastRetriedAt'
  | 'lastFailedAt'
  | 'lastCancelledAt'
> {
  const createdAt = new Date(integer(fields.text('c')))
  return {
    createdAt,
    updatedAt: latest(fields, ['c', 'ch', 'cl', 'fin', 'lf', 'lr', 'lc']),
    lockedAt: status === 'processing' ? fields.dateOrNull('cl') : null,
    nextAttemptAt: status === 'failed' ? fields.dateOrNull('na') : null,
    runAt: fields.dateOrNull('run') ?? createdAt,
    completedAt: status === 'completed' ? fields.dateOrNull('fin') : null,
    startedAt: fields.dateOrNull('st'),
    lastRetriedAt: fields.dateOrNull('lr'),
    lastFailedAt: fields.dateOrNull('lf'),
    lastCancelledAt: fields.dateOrNull('lc'),
  }
}

function belongings(
  fields: Fields,
): Pick<
  JobRecord,
  | 'deadLetterJobType'
  | 'deadLetteredAt'
  | 'deadLetterJobId'
  | 'groupId'
  | 'queue'
  | 'groupTier'
  | 'dependsOnJobIds'
  | 'dependsOnTags'
  | 'tenantId'
  | 'handlerVersion'
  | 'schedule'
> {
  const group = groupOf(fields)
  const dependsOn = fields.textOrNull('dj')
  return {
    ...group,
    groupTier: group.queue === null ? fields.textOrNull('gt') : null,
    deadLetterJobType: fields.textOrNull('dl'),
    deadLetteredAt: fields.dateOrNull('dla'),
    deadLetterJobId: fields.numberOrNull('dli'),
    dependsOnJobIds: dependsOn === null ? null : (JSON.parse(dependsOn) as unknown[]).map(integer),
    dependsOnTags: fields.stringsOrNull('dt'),
    tenantId: fields.textOrNull('tn'),
    handlerVersion: fields.numberOrNull('hv'),
    schedule: jobSchedule(fields),
  }
}

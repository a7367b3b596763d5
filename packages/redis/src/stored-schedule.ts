import { MillraceError } from 'millrace'
import type { NewJob, ScheduleDefinition, ScheduleSkip, ScheduleTick, StoredSchedule } from 'millrace/store'
import { Fields, integer, text } from './replies.ts'

/** A schedule from `{id, fields}`; `null` for one with a rule of a kind that this version does not know. */
export function storedSchedule([id, flat]: readonly unknown[]): StoredSchedule | null {
  const fields = new Fields(flat)
  const rule = scheduleRule(JSON.parse(fields.text('rule')))
  if (rule === null) return null
  const skip = fields.textOrNull('lastSkip')
  return {
    id: integer(id),
    name: fields.text('name'),
    tenantId: fields.textOrNull('tenant'),
    owner: fields.textOrNull('owner'),
    status: fields.text('status') === 'a' ? 'active' : 'paused',
    revision: integer(fields.text('revision')),
    rule,
    ...definitionOf(fields.text('def')),
    // Written by `definitionFields` from a job that was checked.
    job: JSON.parse(fields.text('tmpl')) as NewJob,
    nextRunAt: fields.dateOrNull('next'),
    nextRunKey: fields.textOrNull('next'),
    lastTickAt: fields.dateOrNull('lastTick'),
    lastEnqueuedAt: fields.dateOrNull('lastEnqueued'),
    lastJobId: fields.numberOrNull('lastJob'),
    lastSkippedAt: fields.dateOrNull('lastSkippedAt'),
    lastSkip: skip === null ? null : byLetter(SKIPS, skip),
    createdAt: new Date(integer(fields.text('created'))),
    updatedAt: new Date(integer(fields.text('updated'))),
  }
}

const SKIPS: Readonly<Record<string, ScheduleSkip>> = { o: 'overlap', m: 'missed', p: 'period', u: 'asked' }
const OUTCOMES: Readonly<Record<string, ScheduleTick['outcome']>> = { ...SKIPS, j: 'added', r: 'run' }

/** A tick from its time and `outcome:job:when`. */
export function scheduleTick(tick: unknown, told: unknown): ScheduleTick {
  const [outcome = '', job = '', firedAt = ''] = text(told).split(':')
  return {
    tickAt: new Date(Math.floor(Number(tick))),
    outcome: byLetter(OUTCOMES, outcome),
    jobId: job === '' ? null : integer(job),
    firedAt: new Date(integer(firedAt)),
  }
}

function byLetter<T>(values: Readonly<Record<string, T>>, letter: string): T {
  const value = values[letter]
  if (value === undefined)
    throw new MillraceError(
      'STORE_FAILED',
      `A stored schedule has the letter ${letter}, which this version does not know.`,
    )
  return value
}

function scheduleRule(value: unknown): ScheduleDefinition['rule'] | null {
  const field = fieldsOf(value)
  switch (field('kind')) {
    case 'cron':
      return { kind: 'cron', expression: text(field('expression')), timezone: text(field('timezone')) }
    case 'every':
      return { kind: 'every', everyMs: integer(field('everyMs')), anchorMs: integer(field('anchorMs')) }
    default:
      return null
  }
}

type Settings = Omit<ScheduleDefinition, 'rule' | 'job'>

function definitionOf(stored: string): Settings {
  const field = fieldsOf(JSON.parse(stored))
  const date = (name: string): Date | null => (typeof field(name) === 'number' ? new Date(Number(field(name))) : null)
  return {
    timezone: text(field('timezone')),
    startAt: date('startAt'),
    endAt: date('endAt'),
    allowOverlap: field('allowOverlap') === true,
    catchUp: (['skip', 'one', 'all'] as const).find((one) => one === field('catchUp')) ?? 'one',
    catchUpLimit: integer(field('catchUpLimit')),
    graceMs: integer(field('graceMs')),
    jitterMs: integer(field('jitterMs')),
    oncePer: PERIODS.find((one) => one === field('oncePer')) ?? null,
  }
}

const PERIODS: readonly NonNullable<Settings['oncePer']>[] = [
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
]

function fieldsOf(value: unknown): (name: string) => unknown {
  const fields = typeof value === 'object' && value !== null ? value : {}
  return (name) => Reflect.get(fields, name)
}

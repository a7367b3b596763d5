import { MillraceError } from '../errors.ts'
import {
  MAX_DURATION_MS,
  checkBoolean,
  checkDate,
  checkInteger,
  checkNames,
  checkText,
  isRecord,
  refuseOption,
  type NumberRange,
} from './check.ts'
import { isTimezone, validateCronExpression } from './cron.ts'
import type { JobGroup } from './job.ts'
import type { AnyJobOptions, EditSettings, JobOptions, JobType } from './options.ts'
import type { CatchUp, ScheduleRule } from './schedule.ts'

/** A period of the calendar. */
export type SchedulePeriod = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year'

/** When a schedule is due and what happens then, besides the job itself. */
export interface CronSettings {
  /** See `getNextCronOccurrence`. Either this or `everyMs`. */
  readonly cronExpression?: string | undefined
  /** Every so many milliseconds instead, from 100 to ten years, counted from `startAt` or from when it was added. */
  readonly everyMs?: number | undefined
  /** An IANA name. Default `'UTC'`. */
  readonly timezone?: string | undefined
  /** Whether to add a job while the one before has not finished for good. Default `false`. */
  readonly allowOverlap?: boolean | undefined
  /** No tick before this time. Default none. */
  readonly startAt?: Date | null | undefined
  /** No tick after this time. Default none. */
  readonly endAt?: Date | null | undefined
  /** Each job becomes due at random up to this many milliseconds after its tick was fired, at most a day. Default 0. */
  readonly jitterMs?: number | null | undefined
  /**
   * Ticks that passed while no process was there to fire them: `'one'` (default) adds a job for the latest of them, `'skip'` none,
   * `'all'` one for each; the last needs `allowOverlap`.
   */
  readonly catchUp?: CatchUp | null | undefined
  /** With `catchUp: 'all'`: the latest so many at most, 1 to 1,000. Default 100. */
  readonly catchUpLimit?: number | null | undefined
  /** With `catchUp: 'skip'`: a tick later than this counts as missed, in milliseconds. Default 10,000. */
  readonly graceMs?: number | null | undefined
  /** At most one job in each such period by the calendar of `timezone`, whatever edits or runs on request do. Default none. */
  readonly oncePer?: SchedulePeriod | null | undefined
}

type ScheduledJob =
  | 'jobType'
  | 'payload'
  | 'maxAttempts'
  | 'priority'
  | 'timeoutMs'
  | 'forceKillOnTimeout'
  | 'tags'
  | 'retryDelay'
  | 'retryBackoff'
  | 'retryDelayMax'
  | 'deadLetterJobType'
  | 'group'
  | 'tenantId'

/** What `addCronJob` takes: when, and the job that is added each time. */
export interface CronScheduleOptions<
  PayloadMap = Record<string, unknown>,
  T extends JobType<PayloadMap> = JobType<PayloadMap>,
>
  extends CronSettings, Pick<JobOptions<PayloadMap, T>, ScheduledJob> {
  /** Unique, for each tenant. 1 to 255 characters. */
  readonly scheduleName: string
}

/** New values for a schedule. Left out: unchanged. `null`: back to the default. */
export interface EditCronScheduleOptions extends CronSettings, Omit<EditSettings, 'runAt'> {
  readonly payload?: unknown
  readonly forceKillOnTimeout?: boolean | undefined
  readonly group?: JobGroup | null | undefined
}

const SETTING_NAMES = [
  'cronExpression',
  'everyMs',
  'timezone',
  'allowOverlap',
  'startAt',
  'endAt',
  'jitterMs',
  'catchUp',
  'catchUpLimit',
  'graceMs',
  'oncePer',
] as const satisfies readonly (keyof CronSettings)[]

const EDIT_JOB_NAMES = [
  'payload',
  'maxAttempts',
  'priority',
  'timeoutMs',
  'forceKillOnTimeout',
  'tags',
  'retryDelay',
  'retryBackoff',
  'retryDelayMax',
  'deadLetterJobType',
  'group',
] as const

const EDIT_NAMES: ReadonlySet<string> = new Set<keyof EditCronScheduleOptions>([...SETTING_NAMES, ...EDIT_JOB_NAMES])
const NAMES: ReadonlySet<string> = new Set([...EDIT_NAMES, 'scheduleName', 'jobType', 'tenantId'])

const ALIASES: Readonly<Record<string, string>> = {
  name: 'scheduleName',
  cron: 'cronExpression',
  expression: 'cronExpression',
  pattern: 'cronExpression',
  every: 'everyMs',
  interval: 'everyMs',
  tz: 'timezone',
  timeZone: 'timezone',
  overlap: 'allowOverlap',
  startDate: 'startAt',
  endDate: 'endAt',
  jitter: 'jitterMs',
  type: 'jobType',
  data: 'payload',
}

const PERIODS: readonly SchedulePeriod[] = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']
const CATCH_UPS: readonly CatchUp[] = ['skip', 'one', 'all']

const RANGES: Readonly<Record<'everyMs' | 'jitterMs' | 'catchUpLimit' | 'graceMs', NumberRange>> = {
  everyMs: { min: 100, max: MAX_DURATION_MS, remedy: 'Give whole milliseconds, or a `cronExpression`' },
  jitterMs: { min: 0, max: 86_400_000, remedy: 'Give whole milliseconds, or leave it out for none' },
  catchUpLimit: { min: 1, max: 1000, remedy: 'Leave it out for 100' },
  graceMs: { min: 0, max: MAX_DURATION_MS, remedy: 'Leave it out for 10000 milliseconds' },
}

/** The settings of a schedule with every default in place. */
export interface ResolvedSettings {
  readonly timezone: string
  readonly allowOverlap: boolean
  readonly startAt: Date | null
  readonly endAt: Date | null
  readonly jitterMs: number
  readonly catchUp: CatchUp
  readonly catchUpLimit: number
  readonly graceMs: number
  readonly oncePer: SchedulePeriod | null
}

export const DEFAULT_SETTINGS: ResolvedSettings = {
  timezone: 'UTC',
  allowOverlap: false,
  startAt: null,
  endAt: null,
  jitterMs: 0,
  catchUp: 'one',
  catchUpLimit: 100,
  graceMs: 10_000,
  oncePer: null,
}

/** An every-rule whose anchor is the moment at which the store learns of it. */
export type GivenRule =
  | Extract<ScheduleRule, { kind: 'cron' }>
  | { readonly kind: 'every'; readonly everyMs: number; readonly anchorMs: number | null }

export interface CheckedSchedule {
  readonly name: string
  readonly rule: GivenRule
  readonly settings: ResolvedSettings
  /** What `prepareJob` takes. */
  readonly job: AnyJobOptions
}

/**
 * The schedule of `addCronJob`, checked but for its job.
 *
 * @throws MillraceError `OPTION_INVALID` naming the option
 */
export function checkSchedule(options: CronScheduleOptions): CheckedSchedule {
  if (!isRecord(options)) {
    return refuseOption('options', options, 'an object', 'Pass `{ scheduleName, cronExpression, jobType, payload }`')
  }
  checkNames({ ...options }, NAMES, ALIASES)
  checkText('scheduleName', options.scheduleName)
  const { scheduleName, ...others } = options
  const { given, job } = split(others)
  const settings = resolveSettings(DEFAULT_SETTINGS, given)
  const rule = givenRule(given, settings)
  if (rule === undefined) {
    return refuseOption('cronExpression', undefined, 'given, or `everyMs`', 'Write five fields, such as `0 9 * * 1-5`')
  }
  return { name: scheduleName, rule, settings, job: { ...job, jobType: options.jobType, payload: options.payload } }
}

export interface CheckedEdit {
  /** Absent: the rule stays. */
  readonly rule: GivenRule | undefined
  readonly settings: ResolvedSettings
  /** The changes of the job, still as given. */
  readonly job: Readonly<Record<string, unknown>>
}

/** Throws `OPTION_INVALID` unless `updates` has only what can be edited. */
export function checkEditNames(updates: unknown): asserts updates is EditCronScheduleOptions {
  if (!isRecord(updates)) return refuseOption('updates', updates, 'an object', 'Pass the options to change')
  for (const name of ['scheduleName', 'jobType', 'tenantId']) {
    if (updates[name] === undefined) continue
    refuseOption(name, updates[name], 'left out: it cannot be edited', 'Remove the schedule and add another')
  }
  checkNames(updates, EDIT_NAMES, ALIASES)
}

/**
 * What `editCronJob` makes of a schedule.
 *
 * @throws MillraceError `OPTION_INVALID` naming the option
 */
export function checkEdit(
  updates: EditCronScheduleOptions,
  current: { readonly rule: ScheduleRule; readonly settings: ResolvedSettings },
): CheckedEdit {
  const { given, job } = split(updates)
  const settings = resolveSettings(current.settings, given)
  let rule = givenRule(given, settings)
  if (rule === undefined && given.timezone !== undefined && current.rule.kind === 'cron')
    rule = { ...current.rule, timezone: settings.timezone }
  return { rule, settings, job }
}

function split(options: CronSettings): { given: CronSettings; job: Readonly<Record<string, unknown>> } {
  const names: ReadonlySet<string> = new Set(SETTING_NAMES)
  const entries = Object.entries(options)
  return {
    given: Object.fromEntries(entries.filter(([name]) => names.has(name))),
    job: Object.fromEntries(entries.filter(([name]) => !names.has(name))),
  }
}

function givenRule({ cronExpression, everyMs }: CronSettings, settings: ResolvedSettings): GivenRule | undefined {
  if (cronExpression !== undefined && everyMs !== undefined)
    refuseOption('everyMs', everyMs, 'left out beside `cronExpression`', 'Use one of the two')
  if (everyMs !== undefined) {
    checkInteger('everyMs', everyMs, RANGES.everyMs)
    return { kind: 'every', everyMs, anchorMs: settings.startAt?.getTime() ?? null }
  }
  if (cronExpression === undefined) return undefined
  if (!validateCronExpression(cronExpression)) {
    const remedy = 'Write five fields, such as `0 9 * * 1-5`, or six with seconds first'
    throw new MillraceError('OPTION_INVALID', `Invalid cron expression: "${cronExpression}". ${remedy}.`, {
      details: { field: 'cronExpression', value: cronExpression, remedy },
    })
  }
  return { kind: 'cron', expression: cronExpression, timezone: settings.timezone }
}

function resolveSettings(base: ResolvedSettings, given: CronSettings): ResolvedSettings {
  const settings = { ...base }
  for (const name of Object.keys(DEFAULT_SETTINGS) as (keyof ResolvedSettings)[]) {
    const value = given[name]
    if (value !== undefined) Object.assign(settings, { [name]: value ?? DEFAULT_SETTINGS[name] })
  }
  checkSettings(settings)
  return settings
}

function checkSettings(settings: ResolvedSettings): void {
  const { timezone, allowOverlap, startAt, endAt, catchUp, oncePer } = settings
  if (!isTimezone(timezone)) {
    const remedy = "Write a name such as 'Europe/Berlin', or leave it out for UTC"
    refuseOption('timezone', timezone, 'an IANA time zone', remedy)
  }
  checkBoolean('allowOverlap', allowOverlap)
  if (startAt !== null) checkDate('startAt', startAt)
  if (endAt !== null) checkDate('endAt', endAt)
  if (startAt !== null && endAt !== null && endAt < startAt)
    refuseOption('endAt', endAt, 'after `startAt`', 'Exchange the two')
  for (const name of ['jitterMs', 'catchUpLimit', 'graceMs'] as const) checkInteger(name, settings[name], RANGES[name])
  if (!CATCH_UPS.includes(catchUp)) refuseOption('catchUp', catchUp, "'skip', 'one' or 'all'", "Leave it out for 'one'")
  if (oncePer !== null && !PERIODS.includes(oncePer))
    refuseOption('oncePer', oncePer, `one of ${PERIODS.join(', ')}`, 'Leave it out for no such limit')
  if (catchUp === 'all' && !allowOverlap) {
    const remedy = 'Set `allowOverlap: true`, and a `group` to have them run one after the other'
    refuseOption('catchUp', catchUp, "'skip' or 'one' without `allowOverlap`", remedy)
  }
}

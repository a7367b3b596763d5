import { validateCronExpression } from './cron.ts'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
])
/** As many times of day as a reader takes in at a glance. */
const MOST_TIMES = 6

/** A part of an expression: every value, each n-th, or those that are named. */
type Field =
  | { readonly kind: 'every' }
  | { readonly kind: 'step'; readonly step: number }
  | { readonly kind: 'some'; readonly parts: readonly Part[] }

/** A value, or a range of them. */
interface Part {
  readonly from: number
  readonly to: number
}

/**
 * A cron expression in words, such as `at 02:30, Monday to Friday` for `30 2 * * 1-5`; `null` for one that is no expression, or that words would make no
 * clearer than it is: with `L`, `W`, `#`, a year, or steps within a range.
 */
export function describeCron(expression: string): string | null {
  if (!validateCronExpression(expression)) return null
  const fields = (NICKNAMES.get(expression.trim().toLowerCase()) ?? expression.trim()).split(/\s+/)
  if (fields.length === 5) fields.unshift('0')
  if (fields.length !== 6) return null
  const [seconds, minutes, hours, days, months, weekdays] = [
    fieldOf(fields[0]),
    fieldOf(fields[1]),
    fieldOf(fields[2]),
    fieldOf(fields[3]),
    fieldOf(fields[4], MONTHS, 1),
    fieldOf(fields[5], DAYS, 0),
  ]
  if (seconds === null || minutes === null || hours === null) return null
  if (days === null || months === null || weekdays === null) return null
  const [time, date] = [timeOf(seconds, minutes, hours), dateOf(days, months, weekdays)]
  if (time === null || date === null) return null
  return date === '' && /^at \d\d:/.test(time) ? `every day ${time}` : `${time}${date}`
}

function fieldOf(text: string = '', names: readonly string[] = [], first: number = 0): Field | null {
  if (text === '*' || text === '?') return { kind: 'every' }
  const [, step] = /^\*\/(\d+)$/.exec(text) ?? []
  if (step !== undefined) return { kind: 'step', step: Number(step) }
  const parts: Part[] = []
  for (const one of text.split(',')) {
    const [from, to = from] = one.split('-').map((value) => numberOf(value, names, first))
    if (from === undefined || to === undefined || from === null || to === null || from > to) return null
    parts.push({ from, to })
  }
  return { kind: 'some', parts }
}

function numberOf(text: string, names: readonly string[], first: number): number | null {
  if (/^\d+$/.test(text)) return Number(text)
  const at = names.findIndex((name) => name.slice(0, 3).toLowerCase() === text.toLowerCase())
  return at < 0 ? null : at + first
}

function timeOf(seconds: Field, minutes: Field, hours: Field): string | null {
  const second = single(seconds)
  if (second === null) return minutes.kind === 'every' && hours.kind === 'every' ? repeated(seconds, 'second') : null
  const atTimes = timesOfDay(second, minutes, hours)
  if (atTimes !== null || second !== 0) return atTimes
  return minutes.kind === 'some' ? pastHours(minutes, hours) : joined(repeated(minutes, 'minute'), hoursOf(hours))
}

/** One time after the other, if they are few. */
function timesOfDay(second: number, minutes: Field, hours: Field): string | null {
  const [each, at] = [valuesOf(hours), valuesOf(minutes)]
  if (each === null || at === null || at.length * each.length > MOST_TIMES) return null
  const tail = second === 0 ? '' : `:${two(second)}`
  return `at ${listed(each.flatMap((hour) => at.map((one) => `${two(hour)}:${two(one)}${tail}`)))}`
}

function pastHours(minutes: Field, hours: Field): string | null {
  const at = valuesOf(minutes)
  const every = hours.kind === 'some' ? joined('every hour', hoursOf(hours)) : repeated(hours, 'hour')
  if (at === null || every === null) return null
  if (at.length === 1 && at[0] === 0) return every
  return `at ${listed(at.map(String))} ${at.length === 1 && at[0] === 1 ? 'minute' : 'minutes'} past ${every}`
}

function joined(one: string | null, other: string | null): string | null {
  return one === null || other === null ? null : `${one}${other}`
}

function repeated(field: Field, unit: string): string | null {
  if (field.kind === 'every') return `every ${unit}`
  if (field.kind !== 'step') return null
  return field.step === 1 ? `every ${unit}` : `every ${field.step} ${unit}s`
}

/** During which hours: each is meant to its end. */
function hoursOf(hours: Field): string | null {
  if (hours.kind === 'every') return ''
  if (hours.kind === 'step') return null
  return ` from ${listed(hours.parts.map(({ from, to }) => `${two(from)}:00 to ${two(to)}:59`))}`
}

function dateOf(days: Field, months: Field, weekdays: Field): string | null {
  if (days.kind === 'step' || months.kind === 'step' || weekdays.kind === 'step') return null
  const month = months.kind === 'every' ? '' : named(months, MONTHS, 1)
  if (days.kind === 'every') {
    const week = weekdays.kind === 'every' ? '' : `, ${named(weekdays, [...DAYS, 'Sunday'], 0)}`
    if (week === '' && month === '') return ''
    return `${week === '' ? ', every day' : week}${month === '' ? '' : ` in ${month}`}`
  }
  // A day of the month and one of the week: either is enough, which few expect.
  if (weekdays.kind !== 'every') return null
  const on = ` on day ${listed(days.parts.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)))}`
  return `${on} of ${month === '' ? 'the month' : month}`
}

function named(field: Field, names: readonly string[], first: number): string {
  if (field.kind !== 'some') return ''
  const name = (value: number): string => names[value - first] ?? String(value)
  return listed(field.parts.map(({ from, to }) => (from === to ? name(from) : `${name(from)} to ${name(to)}`)))
}

function single(field: Field): number | null {
  const values = field.kind === 'some' ? valuesOf(field) : null
  return values?.length === 1 ? (values[0] ?? null) : null
}

/** One by one, unless there are many. */
function valuesOf(field: Field): readonly number[] | null {
  if (field.kind !== 'some') return null
  const values = field.parts.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, n) => from + n))
  return values.length > MOST_TIMES ? null : values
}

function listed(texts: readonly string[]): string {
  const [last = '', ...before] = texts.toReversed()
  return before.length === 0 ? last : `${before.toReversed().join(', ')} and ${last}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

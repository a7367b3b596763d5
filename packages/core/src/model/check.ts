import { MillraceError } from '../errors.ts'

/** Ten years in milliseconds: the longest delay, timeout or snooze that is taken for meant. */
export const MAX_DURATION_MS = 315_360_000_000

/** The longest name (job type, tag, group, tenant) in UTF-16 units: at most 765 bytes, far below an index row's limit. */
export const MAX_NAME_LENGTH = 255

/** The first instant PostgreSQL's timestamptz holds, 24 November 4714 BC; its last one is beyond what a `Date` holds. */
const MIN_DATE_MS = Date.UTC(-4713, 10, 24)

/** NUL, or any surrogate: what has neither needs no closer look. */
const SUSPICIOUS = /[\0\ud800-\udfff]/

/** NUL, or half of a surrogate pair without the other; with `u`, whole pairs are single characters and do not match. */
const UNSTORABLE = /\0|\p{Surrogate}/u

/** Whether `text` holds NUL or a lone surrogate, which neither `text` nor `jsonb` of PostgreSQL can store. */
export function isUnstorable(text: string): boolean {
  return SUSPICIOUS.test(text) && UNSTORABLE.test(text)
}

/** Whether `value` is an object other than an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether `value` is a `Date`, also one of another realm such as a test runner's. */
export function isDate(value: unknown): value is Date {
  return value instanceof Date || Object.prototype.toString.call(value) === '[object Date]'
}

/**
 * Throws `OPTION_INVALID`, with a message made of all four parts.
 *
 * @param expected - Completes "must be …".
 * @param remedy - A sentence without its full stop.
 */
export function refuseOption(field: string, value: unknown, expected: string, remedy: string): never {
  throw new MillraceError('OPTION_INVALID', `\`${field}\` must be ${expected}; got ${describe(value)}. ${remedy}.`, {
    details: { field, value, remedy },
  })
}

/** A value in at most about 60 characters, for an error message. Never throws. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value)
    case 'bigint':
      return `${value}n`
    case 'function':
      return 'a function'
    case 'object':
      return value === null ? 'null' : describeObject(value)
    case 'boolean':
    case 'number':
    case 'symbol':
    case 'undefined':
      return String(value)
  }
}

function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString()
    const tag = Object.prototype.toString.call(value).slice(8, -1)
    return tag === 'Object' ? 'an object' : `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`
  } catch {
    return 'an object that cannot be inspected'
  }
}

/** Bounds of a number, both included, and the remedy to suggest. */
export interface NumberRange {
  readonly min: number
  readonly max: number
  readonly remedy: string
}

/** Throws `OPTION_INVALID` unless `value` is a whole number within `range`. */
export function checkInteger(field: string, value: unknown, range: NumberRange): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.min && value <= range.max) return
  refuseOption(field, value, `a whole number from ${range.min} to ${range.max}`, range.remedy)
}

/** Throws `OPTION_INVALID` unless `value` is a number, whole or not, within `range`. */
export function checkNumber(field: string, value: unknown, range: NumberRange): void {
  if (typeof value === 'number' && value >= range.min && value <= range.max) return
  refuseOption(field, value, `a number from ${range.min} to ${range.max}`, range.remedy)
}

/** Throws `OPTION_INVALID` unless `value` is a boolean. */
export function checkBoolean(field: string, value: unknown): void {
  if (typeof value === 'boolean') return
  refuseOption(field, value, 'true or false', 'Leave it out for the default')
}

/** Throws `OPTION_INVALID` unless `value` is text of 1 to `max` characters that PostgreSQL can store. */
export function checkText(field: string, value: unknown, max: number = MAX_NAME_LENGTH): asserts value is string {
  if (typeof value !== 'string') return refuseOption(field, value, 'a string', 'Convert it with `String(value)`')
  if (value.length === 0) return refuseOption(field, value, 'a non-empty string', 'Give it at least one character')
  if (value.length > max) {
    refuseOption(
      field,
      value,
      `at most ${max} characters`,
      `It has ${value.length}; use a shorter name or a hash of it`,
    )
  }
  if (isUnstorable(value)) {
    refuseOption(field, value, 'well-formed text without NUL', 'Remove NUL characters and lone surrogates')
  }
}

/** Throws `OPTION_INVALID` unless `value` is a valid `Date` that a timestamptz can hold. */
export function checkDate(field: string, value: unknown): asserts value is Date {
  if (!isDate(value)) return refuseOption(field, value, 'a Date', 'Pass `new Date(…)`, or leave it out')
  const time = value.getTime()
  if (Number.isNaN(time)) refuseOption(field, value, 'a valid Date', 'Check the text or numbers it was made from')
  if (time < MIN_DATE_MS) refuseOption(field, value, 'a Date from 4714 BC on', 'Any date of the past means now')
}

/** Throws `OPTION_INVALID` unless `value` is an array of at most 1,000 names of 1 to 255 characters. */
export function checkTags(field: string, value: unknown): void {
  if (!Array.isArray(value))
    return refuseOption(field, value, 'an array of strings', `Write \`[${describe(value)}]\` or leave it out`)
  if (value.length > 1000) refuseOption(field, value, 'at most 1000 tags', 'Put further labels into the payload')
  for (let index = 0; index < value.length; index++) checkText(`${field}[${index}]`, value[index])
}

/**
 * Throws `OPTION_INVALID` if `options` has an option that is not in `names` and is not `undefined`.
 *
 * @param aliases - Names that users of other systems reach for, and what they mean here.
 */
export function checkNames(
  options: Readonly<Record<string, unknown>>,
  names: ReadonlySet<string>,
  aliases: Readonly<Record<string, string>> = {},
): void {
  for (const name in options) {
    if (!names.has(name) && options[name] !== undefined) refuseName(name, options[name], names, aliases)
  }
}

/** Throws `OPTION_INVALID` unless `options` is an object with no other names than these. */
export function checkOptions(field: string, options: unknown, names: ReadonlySet<string>, example: string): void {
  if (!isRecord(options)) return refuseOption(field, options, 'an object', `Pass \`${example}\``)
  checkNames(options, names)
}

function refuseName(
  name: string,
  value: unknown,
  names: ReadonlySet<string>,
  aliases: Readonly<Record<string, string>>,
): never {
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined
  const known = alias ?? nearest(name, names)
  const remedy = known === undefined ? `Known options: ${[...names].join(', ')}` : `Did you mean \`${known}\``
  throw new MillraceError(
    'OPTION_INVALID',
    `\`${name}\` is not an option. ${remedy}${known === undefined ? '.' : '?'}`,
    {
      details: { field: name, value, remedy },
    },
  )
}

function nearest(name: string, names: ReadonlySet<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(name.length / 2)) + 1
  for (const known of names) {
    const distance = editDistance(name.toLowerCase(), known.toLowerCase())
    if (distance < bestDistance) {
      best = known
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein distance, one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}

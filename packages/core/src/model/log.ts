import { isRecord, isUnstorable, refuseOption } from './check.ts'
import { storableText } from './error-record.ts'

/** How much a line of `ctx.log` matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** A line that a handler logged. */
export interface JobLogLine {
  /** Grows with every line of the instance; `after` of `getJobLogs` takes it. */
  readonly id: number
  readonly at: Date
  readonly level: LogLevel
  /** Of the attempt that logged it, counted from 1. */
  readonly attempt: number
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>> | null
}

/** The last 1,000 lines of a job, at most 1 MB of them. */
export interface JobLogs {
  /** Oldest first. */
  readonly lines: JobLogLine[]
  /** How many older ones are gone. */
  readonly dropped: number
}

/** A line on its way to the store. */
export interface NewLogLine {
  /** When, as `Clock.now()` counts. */
  readonly loggedAt: number
  readonly level: LogLevel
  readonly message: string
  /** JSON text. */
  readonly fields: string | null
}

/** In UTF-16 units. */
const MAX_MESSAGE = 8_000
const MAX_FIELDS = 16_000
const MAX_TEXT = 8_000

/**
 * A line as it can be stored: texts are cut to 8,000 characters, and fields that are no JSON, or more than 16,000 characters of it,
 * are replaced by one field that says so. What a job logs must not fail it, once the call itself is right.
 *
 * @throws MillraceError `OPTION_INVALID` if `message` is no text, `fields` no object, or `level` none of the four.
 */
export function newLogLine(message: unknown, fields: unknown, level: unknown, loggedAt: number): NewLogLine {
  if (typeof message !== 'string') return refuseOption('message', message, 'a string', 'Put values into `fields`')
  if (fields !== undefined && !isRecord(fields)) {
    return refuseOption('fields', fields, 'an object', 'Pass `{ name: value }`, or leave it out')
  }
  const known = LOG_LEVELS.find((one) => one === (level ?? 'info'))
  if (known === undefined)
    return refuseOption('level', level, `one of ${LOG_LEVELS.join(', ')}`, "Leave it out for 'info'")
  return {
    loggedAt,
    level: known,
    message: storableText(message, MAX_MESSAGE),
    fields: fields === undefined ? null : fieldsJson(fields),
  }
}

function fieldsJson(fields: Readonly<Record<string, unknown>>): string {
  try {
    const text = JSON.stringify(fields, storable)
    return text.length <= MAX_FIELDS ? text : `{"tooLarge":${text.length}}`
  } catch (error) {
    return JSON.stringify({ unreadable: storableText(error instanceof Error ? error.message : 'it threw', MAX_TEXT) })
  }
}

/** Errors and big integers, which JSON has no form for, and texts that a database refuses. */
function storable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return storableText(value, MAX_TEXT)
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  if (isRecord(value) && Object.keys(value).some((key) => isUnstorable(key))) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key, MAX_TEXT), inner]))
  }
  return value
}

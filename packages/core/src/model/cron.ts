import { Cron } from 'croner'
import { MillraceError } from '../errors.ts'
import { checkDate, refuseOption } from './check.ts'

/** croner looks no further than the year 9999. */
const END_MS = Date.UTC(10_000, 0, 1)

/**
 * The first time after `after` at which `expression` fires, or `null` if it never does. Pure: no timer is set.
 *
 * The clock of `timezone` counts. A fixed time that a change to summer time skips fires where the clock goes on; one that
 * comes twice fires the first time only. Repeating expressions, such as every 15 minutes, go on in step through both.
 *
 * @param expression - Five fields, six with seconds first, seven with a year last, or a nickname such as `@daily`.
 * @param timezone - An IANA name.
 * @param after - The answer is later than this, by a millisecond or more.
 * @throws MillraceError `OPTION_INVALID` naming `expression`, `timezone` or `after`
 */
export function getNextCronOccurrence(
  expression: string,
  timezone: string = 'UTC',
  after: Date = new Date(),
): Date | null {
  if (!validateCronExpression(expression)) {
    const remedy = 'Write five fields, such as `0 9 * * 1-5`, or six with seconds first'
    throw new MillraceError('OPTION_INVALID', `Invalid cron expression: ${JSON.stringify(expression)}. ${remedy}.`, {
      details: { field: 'expression', value: expression, remedy },
    })
  }
  if (!isTimezone(timezone)) {
    refuseOption(
      'timezone',
      timezone,
      'an IANA time zone',
      "Write a name such as 'Europe/Berlin', or leave it out for UTC",
    )
  }
  checkDate('after', after)
  if (after.getTime() >= END_MS) return null
  return new Cron(expression, { timezone }).nextRun(new Date(after.getTime()))
}

/** Whether `expression` can be read; one that never fires, such as 30 February, can. Never throws. */
export function validateCronExpression(expression: string): boolean {
  // croner also takes a date for a schedule that fires once; no cron expression has a colon.
  if (typeof expression !== 'string' || expression.includes(':')) return false
  try {
    new Cron(expression)
    return true
  } catch {
    return false
  }
}

/** Whether `name` is an IANA time zone that this process knows. */
export function isTimezone(name: unknown): boolean {
  if (typeof name !== 'string') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

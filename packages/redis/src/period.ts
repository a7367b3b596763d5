import { MillraceError } from 'millrace'
import type { ScheduleDefinition } from 'millrace/store'

type Period = NonNullable<ScheduleDefinition['oncePer']>

/**
 * The period of a time in a zone's calendar, as text that sorts by time: its first day, or minute.
 *
 * @throws MillraceError `OPTION_INVALID` for a zone that is not known here.
 */
export function periodOf(period: Period, timezone: string, at: Date): string {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = wallClock(timezone, at)
  const date = (y: number, m: number, d: number): string => new Date(Date.UTC(y, m - 1, d)).toISOString().slice(0, 10)
  switch (period) {
    case 'year':
      return date(year, 1, 1)
    case 'quarter':
      return date(year, month - ((month - 1) % 3), 1)
    case 'month':
      return date(year, month, 1)
    case 'week': {
      const weekday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7
      return date(year, month, day - weekday)
    }
    case 'day':
      return date(year, month, day)
    case 'hour':
    case 'minute':
      return `${date(year, month, day)}T${two(hour)}:${period === 'hour' ? '00' : two(minute)}`
  }
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}

function wallClock(timezone: string, at: Date): number[] {
  const fields = ['year', 'month', 'day', 'hour', 'minute'] as const
  const parts = formatFor(timezone).formatToParts(at)
  return fields.map((type) => Number(parts.find((part) => part.type === type)?.value))
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
  } catch (cause) {
    const remedy = 'Use a zone of the IANA database'
    throw new MillraceError('OPTION_INVALID', `The time zone ${JSON.stringify(timeZone)} is not known. ${remedy}.`, {
      cause,
      details: { field: 'timezone', value: timeZone, remedy },
    })
  }
}

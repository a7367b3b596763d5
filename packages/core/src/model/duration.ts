import { MillraceError } from '../errors.ts'
import { describe, MAX_DURATION_MS, refuseOption } from './check.ts'
import type { WaitDuration } from './handler.ts'

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const MAX_TIMEOUT_MS = 365 * UNIT_MS.d

/**
 * The milliseconds that a time limit such as `'90s'`, `'10m'`, `'24h'` or `'7d'` means.
 *
 * @throws MillraceError `OPTION_INVALID` for anything else, zero, and more than 365 days.
 */
export function parseTimeout(timeout: unknown): number {
  const match = typeof timeout === 'string' ? /^(\d+)([smhd])$/.exec(timeout) : null
  const unit = match?.[2]
  const ms = Number(match?.[1]) * (unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? UNIT_MS[unit] : NaN)
  if (!(ms > 0)) {
    throw refused(
      timeout,
      `Invalid timeout format: ${describe(timeout)}. Expected format like "10m", "1h", "24h", "7d".`,
    )
  }
  if (ms > MAX_TIMEOUT_MS) {
    throw refused(timeout, `Timeout value ${describe(timeout)} is too large. Maximum allowed is 365 days.`)
  }
  return ms
}

function refused(value: unknown, message: string): MillraceError {
  return new MillraceError('OPTION_INVALID', message, {
    details: { field: 'timeout', value, remedy: 'Give digits and one of s, m, h, d; at most 365 days' },
  })
}

const FIELD_MS: Readonly<Record<keyof WaitDuration, number>> = {
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: UNIT_MS.d,
  weeks: 7 * UNIT_MS.d,
  months: 30 * UNIT_MS.d,
  years: 365 * UNIT_MS.d,
}

/**
 * The milliseconds that the fields of a duration add up to.
 *
 * @throws MillraceError `OPTION_INVALID` for an unknown field, a field that is no finite number, a sum that is not
 *   positive or exceeds ten years.
 */
export function durationMs(duration: unknown): number {
  if (typeof duration !== 'object' || duration === null)
    return refuseOption('duration', duration, 'an object', 'Pass `{ hours: 24 }`')
  let sum = 0
  for (const [field, amount] of Object.entries(duration)) {
    if (amount === undefined) continue
    if (!isField(field))
      refuseOption(`duration.${field}`, amount, 'left out', `Known are ${Object.keys(FIELD_MS).join(', ')}`)
    if (typeof amount !== 'number' || !Number.isFinite(amount))
      refuseOption(`duration.${field}`, amount, 'a finite number', 'Leave it out for none')
    sum += amount * FIELD_MS[field]
  }
  if (!(sum > 0)) {
    throw new MillraceError(
      'OPTION_INVALID',
      'waitFor duration must be positive. Provide at least one positive duration field.',
      { details: { field: 'duration', value: duration, remedy: 'Pass `{ hours: 24 }`' } },
    )
  }
  if (sum > MAX_DURATION_MS)
    refuseOption('duration', duration, 'at most ten years', 'Wait for a token, or in several steps')
  return sum
}

function isField(field: string): field is keyof WaitDuration {
  return Object.hasOwn(FIELD_MS, field)
}

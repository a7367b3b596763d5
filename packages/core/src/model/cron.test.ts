import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getNextCronOccurrence, validateCronExpression } from './cron.ts'

const next = (expression: string, timezone: string, after: string): string | undefined =>
  getNextCronOccurrence(expression, timezone, new Date(after))?.toISOString()

/** The next `count` occurrences, one after the other. */
function occurrences(expression: string, timezone: string, after: string, count: number): string[] {
  const found: string[] = []
  for (let last = after; found.length < count;) {
    last = next(expression, timezone, last) ?? 'never'
    found.push(last)
  }
  return found
}

describe('getNextCronOccurrence', () => {
  it.each([
    ['0 9 * * 1-5', '2026-01-02T09:00:00.000Z', '2026-01-05T09:00:00.000Z'],
    ['*/15 * * * *', '2026-01-01T00:00:00.001Z', '2026-01-01T00:15:00.000Z'],
    ['*/10 * * * * *', '2026-01-01T00:00:00.999Z', '2026-01-01T00:00:10.000Z'],
    ['@daily', '2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'],
    ['0 0 L * *', '2026-02-01T00:00:00.000Z', '2026-02-28T00:00:00.000Z'],
    ['0 0 29 2 *', '2097-01-01T00:00:00.000Z', '2104-02-29T00:00:00.000Z'],
  ])('of %j after %s is %s', (expression, after, expected) => {
    expect(next(expression, 'UTC', after)).toBe(expected)
  })

  it('is in UTC and after now unless told otherwise', () => {
    const found = getNextCronOccurrence('0 0 * * *')?.getTime() ?? 0
    expect(found % 86_400_000).toBe(0)
    expect(found - Date.now()).toBeGreaterThan(0)
    expect(found - Date.now()).toBeLessThanOrEqual(86_400_000)
  })

  it.each(['0 0 30 2 *', '0 0 31 4,6 *', '0 0 0 1 1 * 2020'])('of %j is null, for it never fires', (expression) => {
    expect(getNextCronOccurrence(expression, 'Europe/Berlin')).toBeNull()
    expect(validateCronExpression(expression)).toBe(true)
  })

  it('is null at the end of time', () => {
    expect(getNextCronOccurrence('* * * * *', 'UTC', new Date(8.64e15))).toBeNull()
  })

  it.each([
    ['Europe/Berlin', '2026-03-28T12:00:00Z', ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']],
    ['America/New_York', '2026-03-07T12:00:00Z', ['2026-03-08T07:00:00.000Z', '2026-03-09T06:30:00.000Z']],
  ])('of a time that summer time skips in %s is where the clock goes on', (timezone, after, expected) => {
    expect(occurrences('30 2 * * *', timezone, after, 2)).toEqual(expected)
  })

  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00:00Z', ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']],
    [
      'America/New_York',
      '30 1 * * *',
      '2026-10-31T12:00:00Z',
      ['2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z'],
    ],
  ])('of a time that comes twice in %s is the first one only', (timezone, expression, after, expected) => {
    expect(occurrences(expression, timezone, after, 2)).toEqual(expected)
    // Also when asked between the two.
    expect(next(expression, timezone, new Date(Date.parse(String(expected[0])) + 1_800_000).toISOString())).toBe(
      expected[1],
    )
  })

  it('of a repeating expression keeps its step through both changes of the clock', () => {
    expect(occurrences('*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:00:00Z', 4)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ])
    expect(occurrences('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:30:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
    ])
  })

  it('is later than `after`, and stays the same for every moment in between', () => {
    const expression = fc.constantFrom('* * * * *', '*/7 * * * *', '30 2 * * *', '0 0 1 * *', '15 10,14 * * 1-5')
    const timezone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo')
    const after = fc.date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(
        expression,
        timezone,
        after,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (cron, zone, from, part) => {
          const found = getNextCronOccurrence(cron, zone, from)?.getTime() ?? 0
          expect(found).toBeGreaterThan(from.getTime())
          const between = new Date(from.getTime() + Math.floor((found - from.getTime()) * part))
          expect(getNextCronOccurrence(cron, zone, between)?.getTime()).toBe(found)
        },
      ),
      { numRuns: 100 },
    )
  })

  it.each(['', 'every day', '* * * *', '60 * * * *', '* * * * * * * *', '2030-01-01T00:00:00Z', '@reboot'])(
    'refuses %j as an expression',
    (expression) => {
      expect(validateCronExpression(expression)).toBe(false)
      expect(() => getNextCronOccurrence(expression)).toThrow(
        expect.objectContaining({
          code: 'OPTION_INVALID',
          message: expect.stringContaining(`Invalid cron expression: ${JSON.stringify(expression)}`),
        }),
      )
    },
  )

  it.each(['', 'Mars/Olympus_Mons', 'Europe/Berlin ', 1, null])('refuses %j as a time zone', (timezone) => {
    expect(() => getNextCronOccurrence('* * * * *', timezone as string)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ field: 'timezone' }) }),
    )
  })

  it('refuses what is no date', () => {
    expect(() => getNextCronOccurrence('* * * * *', 'UTC', new Date(Number.NaN))).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ field: 'after' }) }),
    )
  })
})

describe('validateCronExpression', () => {
  it.each(['* * * * *', '0 0 * * MON', '0 0 * * 7', '* * * * * *', '@hourly', ' 0 0 1 1 * '])(
    'takes %j',
    (expression) => {
      expect(validateCronExpression(expression)).toBe(true)
    },
  )

  it.each([undefined, null, 5, {}])('answers false for %j', (expression) => {
    expect(validateCronExpression(expression as never)).toBe(false)
  })
})

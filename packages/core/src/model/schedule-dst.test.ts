import { describe, expect, it } from 'vitest'
import { getNextCronOccurrence } from './cron.ts'

const ZONES = [
  'Europe/Berlin',
  'Europe/London',
  'Europe/Dublin',
  'America/New_York',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Santiago',
  'America/Havana',
  'America/Asuncion',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Tehran',
  'Asia/Jerusalem',
  'Asia/Gaza',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Antarctica/Troll',
]

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** How far the wall clocks of a zone are ahead of UTC at a time. */
function offsetIn(timezone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  return (atMs) => {
    const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(atMs / MINUTE_MS) * MINUTE_MS
  }
}

interface Transition {
  /** The first minute by the new clock. */
  readonly at: number
  readonly before: number
  readonly after: number
}

/** Every change of a zone's clock from 1995 to 2037, by looking at each day and halving those that differ. */
function transitions(timezone: string): Transition[] {
  const offset = offsetIn(timezone)
  const found: Transition[] = []
  for (let day = Date.UTC(1995, 0, 1), before = offset(day); day < Date.UTC(2038, 0, 1); day += DAY_MS) {
    const after = offset(day + DAY_MS)
    if (after === before) continue
    let [low, high] = [day, day + DAY_MS]
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS
      if (offset(middle) === before) low = middle
      else high = middle
    }
    found.push({ at: high, before, after })
    before = after
  }
  return found
}

/** When a clock shows `wall`, by the stated rules. */
function expected(wall: number, { at, before, after }: Transition): number {
  if (wall < at + Math.min(before, after)) return wall - before
  if (wall >= at + Math.max(before, after)) return wall - after
  // In the hour that is skipped: where the clock goes on. In the hour that comes twice: the first time.
  return after > before ? at : wall - before
}

const daily = (wall: number): string => `${new Date(wall).getUTCMinutes()} ${new Date(wall).getUTCHours()} * * *`
const next = (expression: string, timezone: string, after: number): number =>
  getNextCronOccurrence(expression, timezone, new Date(after))?.getTime() ?? 0

describe.each(ZONES)('at every change of the clock in %s', { timeout: 60_000 }, (timezone) => {
  const changes = transitions(timezone)

  it('a time of day is due once: shifted when it is skipped, the first time when it comes twice', () => {
    expect(changes.length).toBeGreaterThan(40)
    for (const change of changes) {
      const low = change.at + Math.min(change.before, change.after)
      const high = change.at + Math.max(change.before, change.after)
      for (const wall of [low - MINUTE_MS, low, (low + high) / 2, high - MINUTE_MS, high]) {
        const due = expected(wall, change)
        const expression = daily(wall)
        const told = `${expression} at ${new Date(change.at).toISOString()}`
        const got = next(expression, timezone, Math.min(due, change.at) - 4 * 3_600_000)
        expect([told, new Date(got).toISOString()]).toEqual([told, new Date(due).toISOString()])
        // And not again within the day: not in the second of two equal hours either.
        expect(next(expression, timezone, got) - got).toBeGreaterThan(DAY_MS / 2)
      }
    }
  })

  it('a step keeps its pace', () => {
    for (const { at } of changes) {
      let last = next('*/15 * * * *', timezone, at - 2 * 900_000)
      for (let n = 0; n < 7; n++) {
        const tick = next('*/15 * * * *', timezone, last)
        expect([at, tick - last]).toEqual([at, 15 * MINUTE_MS])
        last = tick
      }
    }
  })
})

describe('a day without a time', () => {
  it.each([
    ['America/Scoresbysund', '30 23 * * *', '2025-03-29T12:00:00Z', '2025-03-31T00:30:00.000Z'],
    ['Pacific/Apia', '0 12 30 12 *', '2011-12-01T00:00:00Z', '2012-12-29T22:00:00.000Z'],
  ])('in %s has no tick of %s', (timezone, expression, after, due) => {
    const ticks = [next(expression, timezone, Date.parse(after))]
    ticks.push(next(expression, timezone, ticks[0] ?? 0))
    expect(ticks.map((tick) => new Date(tick).toISOString())).toContain(due)
  })
})

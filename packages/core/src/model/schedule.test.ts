import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dueTicks, nextTick, type CatchUp, type ScheduleTimes } from './schedule.ts'

const cron = (expression: string, more: Partial<ScheduleTimes> = {}): ScheduleTimes => ({
  rule: { kind: 'cron', expression, timezone: 'UTC' },
  startAt: null,
  endAt: null,
  ...more,
})
const every = (everyMs: number, anchorMs = 0): ScheduleTimes => ({
  rule: { kind: 'every', everyMs, anchorMs },
  startAt: null,
  endAt: null,
})
const policy = (catchUp: CatchUp, catchUpLimit = 100, graceMs = 10_000) => ({ catchUp, catchUpLimit, graceMs })

describe('nextTick', () => {
  it('of an interval counts from its anchor, before and after it', () => {
    expect(nextTick(every(1000, 250), new Date(0))).toEqual(new Date(250))
    expect(nextTick(every(1000, 250), new Date(250))).toEqual(new Date(1250))
    expect(nextTick(every(1000, 250), new Date(-5000))).toEqual(new Date(-4750))
  })

  it('is within start and end, both included', () => {
    const startAt = new Date('2026-01-01T10:00:00Z')
    const endAt = new Date('2026-01-01T11:00:00Z')
    const times = cron('0 * * * *', { startAt, endAt })
    expect(nextTick(times, new Date('2020-01-01'))).toEqual(startAt)
    expect(nextTick(times, startAt)).toEqual(endAt)
    expect(nextTick(times, endAt)).toBeNull()
  })
})

describe('dueTicks', () => {
  const at = new Date('2026-01-01T10:00:00Z')
  const hourly = cron('0 * * * *')
  const due = (catchUp: CatchUp, now: string, limit?: number) => {
    const { ticks, missed, next } = dueTicks(
      { times: hourly, policy: policy(catchUp, limit) },
      { at, now: new Date(now), lastTickAt: null },
    )
    return [ticks.map((tick) => tick.getUTCHours()), missed, next?.getUTCHours()]
  }

  it.each(['skip', 'one', 'all'] as const)('on time is one tick, with %s', (catchUp) => {
    expect(due(catchUp, '2026-01-01T10:00:00.300Z')).toEqual([[10], false, 11])
  })

  it('late is the latest with one, none with skip, each with all', () => {
    expect(due('one', '2026-01-01T13:30:00Z')).toEqual([[13], true, 14])
    expect(due('skip', '2026-01-01T13:30:00Z')).toEqual([[], true, 14])
    expect(due('all', '2026-01-01T13:30:00Z')).toEqual([[10, 11, 12, 13], false, 14])
    expect(due('all', '2026-01-01T13:30:00Z', 2)).toEqual([[12, 13], true, 14])
  })

  it('with skip still fires the latest when that one is on time', () => {
    expect(due('skip', '2026-01-01T13:00:02Z')).toEqual([[13], true, 14])
  })

  it('fires nothing again that the last tick covers', () => {
    const now = new Date('2026-01-01T10:30:00Z')
    const odd = new Date('2026-01-01T09:59:30Z')
    const given = { times: hourly, policy: policy('one') }
    expect(dueTicks(given, { at: odd, now, lastTickAt: at }).ticks).toEqual([odd])
  })

  it('finds the latest of a year of missed seconds, and the last hundred of them, at once', () => {
    const times = cron('* * * * * *')
    const now = new Date('2027-01-01T00:00:00.500Z')
    const startedAt = performance.now()
    const one = dueTicks({ times, policy: policy('one') }, { at, now, lastTickAt: null })
    expect(one.ticks).toEqual([new Date('2027-01-01T00:00:00Z')])
    const all = dueTicks({ times, policy: policy('all') }, { at, now, lastTickAt: null })
    expect([all.ticks.length, all.missed, all.ticks.at(-1)]).toEqual([100, true, one.ticks[0]])
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  it('is what looking at each tick finds, for any rule, delay and limit', () => {
    const rules = fc.constantFrom(
      cron('*/7 * * * *'),
      cron('0 9-11 * * 1,3'),
      cron('*/20 * 8 * * *'),
      every(90_000, 1234),
      cron('30 2 * * *', { endAt: new Date('2026-01-04T12:00:00Z') }),
    )
    fc.assert(
      fc.property(
        rules,
        fc.integer({ min: 0, max: 40_000_000 }),
        fc.integer({ min: 1, max: 50 }),
        (times, lateMs, limit) => {
          const first = nextTick(times, new Date('2026-01-01T00:00:00Z'))
          if (first === null) return
          const now = new Date(first.getTime() + lateMs)
          const all: Date[] = []
          for (let tick: Date | null = first; tick !== null && tick <= now; tick = nextTick(times, tick)) all.push(tick)
          const found = dueTicks({ times, policy: policy('all', limit) }, { at: first, now, lastTickAt: null })
          expect(found.ticks).toEqual(all.slice(-limit))
          expect(found.missed).toBe(all.length > limit)
          expect(found.next).toEqual(nextTick(times, now))
          const one = dueTicks({ times, policy: policy('one') }, { at: first, now, lastTickAt: null })
          expect(one.ticks).toEqual(all.slice(-1))
        },
      ),
      { numRuns: 40 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { LeaseWatch } from './lease-watch.ts'

function createWatch(): { clock: ManualClock; watch: LeaseWatch; ends: number[]; other: { ageMs: number | null } } {
  const clock = new ManualClock({ startMs: 500 })
  const ends: number[] = []
  const other: { ageMs: number | null } = { ageMs: null }
  const otherBeatAgeMs = (): number | null => other.ageMs
  const watch = new LeaseWatch({ clock, leaseMs: 10_000, otherBeatAgeMs, onOver: () => ends.push(clock.now()) })
  return { clock, watch, ends, other }
}

describe('LeaseWatch', () => {
  it('ends the lease when that much time has passed since the last answered beat was sent', async () => {
    const { clock, watch, ends } = createWatch()
    watch.extended(500)
    await clock.advance(6000)
    watch.extended(6000)
    await clock.advance(20_000)
    expect(ends).toEqual([16_000])
    expect(clock.pendingTimers).toBe(0)
  })

  it('counts beats that the heartbeat thread sent', async () => {
    const { clock, watch, ends, other } = createWatch()
    watch.extended(500)
    other.ageMs = 3000
    await clock.advance(10_000)
    expect(ends).toEqual([])
    other.ageMs = 10_000
    await clock.advance(7000)
    expect(ends).toEqual([17_500])
  })

  it('leaves a process that did not run two seconds to ask the store', async () => {
    let now = 0
    const timers: (() => void)[] = []
    const clock = new ManualClock()
    const stalled = {
      now: () => now,
      after: (_delayMs: number, callback: () => void) => {
        timers.push(callback)
        return { cancel: () => undefined }
      },
      soon: (callback: () => void) => clock.soon(callback),
      date: () => clock.date(),
      random: () => clock.random(),
    }
    const ends: number[] = []
    const watch = new LeaseWatch({
      clock: stalled,
      leaseMs: 10_000,
      otherBeatAgeMs: () => null,
      onOver: () => ends.push(now),
    })
    watch.extended(0)
    expect(watch.isInDoubt).toBe(false)
    now = 60_000
    expect(watch.isInDoubt).toBe(true)
    timers.shift()?.()
    expect(ends).toEqual([])
    watch.extended(60_100)
    expect(watch.isInDoubt).toBe(false)
    now = 62_000
    timers.shift()?.()
    expect(ends).toEqual([])
  })

  it('says nothing once it is stopped', async () => {
    const { clock, watch, ends } = createWatch()
    watch.extended(500)
    watch.stop()
    await clock.advance(60_000)
    expect(ends).toEqual([])
  })
})

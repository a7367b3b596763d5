import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ReadyBounds } from './ready-bounds.ts'

/** A worker of some types that has swept at 0 and found the level of priority 0, with nothing for it. */
function sweptBounds(): ReadyBounds {
  const bounds = new ReadyBounds({ sweepEveryMs: 10_000 })
  expect(bounds.next(0)).toBe('sweep')
  bounds.swept({ levels: [{ priority: 0, fromSeq: 1 }], looked: { top: 100 } }, 1)
  bounds.exhausted('sweep', { top: 100, sentAt: 0, now: 1 })
  return bounds
}

describe('the bounds of a worker of some types', () => {
  /** One look at `at` that finds nothing and takes `lookMs`; where it began. */
  function look(bounds: ReadyBounds, { at, top, lookMs }: { at: number; top: number; lookMs: number }): number {
    const from = bounds.next(at)
    if (from === 'sweep') throw new Error('no sweep is due')
    bounds.exhausted(from, { top, lookMs, sentAt: at, now: at })
    return from[0]?.fromSeq ?? 0
  }

  it('are where the last sweep left them while looking through what is left to others is cheap', () => {
    const bounds = sweptBounds()
    for (let at = 10; at < 400; at += 10) expect(look(bounds, { at, top: 100 + at, lookMs: 0 })).toBe(1)
  })

  it('follow the last looks while that is expensive, and a look from the bound takes a tenth of the time', () => {
    const bounds = sweptBounds()
    expect(look(bounds, { at: 10, top: 1000, lookMs: 20 })).toBe(1)
    // What ended less than 25 ms ago is looked through again: somebody may just be committing there.
    expect(look(bounds, { at: 30, top: 2000, lookMs: 1 })).toBe(100)
    expect(look(bounds, { at: 60, top: 3000, lookMs: 1 })).toBe(2000)
    expect(look(bounds, { at: 150, top: 4000, lookMs: 1 })).toBe(3000)
    expect(look(bounds, { at: 209, top: 5000, lookMs: 1 })).toBe(4000)
    expect(look(bounds, { at: 210, top: 6000, lookMs: 20 })).toBe(1)
    expect(look(bounds, { at: 240, top: 7000, lookMs: 1 })).toBe(6000)
  })

  it('move on half a second after a look from them has found all, however expensive', () => {
    const bounds = sweptBounds()
    expect(look(bounds, { at: 10, top: 1000, lookMs: 900 })).toBe(1)
    expect(look(bounds, { at: 500, top: 2000, lookMs: 1 })).toBe(1000)
    // What the sweep saw is settled now; the next to settle is what this look saw.
    expect(look(bounds, { at: 510, top: 3000, lookMs: 900 })).toBe(1)
    expect(look(bounds, { at: 1010, top: 4000, lookMs: 1 })).toBe(100)
    expect(look(bounds, { at: 1020, top: 4000, lookMs: 0 })).toBe(3000)
  })

  it('say when the next look will take long: from the bound, or a sweep, as the last of its kind did', () => {
    const bounds = sweptBounds()
    expect([10, 10_000].map((at) => bounds.isLong(at))).toEqual([false, false])
    look(bounds, { at: 10, top: 1000, lookMs: 20 })
    // Until 210 looks start further on.
    expect([11, 209, 210].map((at) => bounds.isLong(at))).toEqual([false, false, true])
    look(bounds, { at: 210, top: 2000, lookMs: 2 })
    expect(bounds.isLong(230)).toBe(false)
    expect(bounds.next(10_000)).toBe('sweep')
    bounds.swept({ levels: [{ priority: 0, fromSeq: 1 }], looked: { top: 3000 } }, 50)
    expect([10_100, 20_000].map((at) => bounds.isLong(at))).toEqual([false, true])
  })

  it('remember no more of half a million cheap looks than of the last few', () => {
    const bounds = sweptBounds()
    const before = heapBytes()
    for (let at = 10; at < 9_000; at += 0.02) look(bounds, { at, top: 100 + at, lookMs: 0 })
    expect(heapBytes() - before).toBeLessThan(4_000_000)
    expect(look(bounds, { at: 9_001, top: 10_000, lookMs: 0 })).toBeGreaterThan(1)
  })
})

/** After a collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed
}

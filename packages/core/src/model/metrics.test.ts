import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDurations, bucketOf, DURATION_BOUNDS, type DurationCounts, durationsOf } from './metrics.ts'

function measured(lengths: readonly number[]): DurationCounts {
  const counts: number[] = []
  for (const ms of lengths) {
    const at = bucketOf(ms)
    while (counts.length <= at) counts.push(0)
    counts[at] = (counts[at] ?? 0) + 1
  }
  return { sumMs: lengths.reduce((sum, ms) => sum + ms, 0), counts }
}

const lengths = fc.array(fc.double({ min: 0, max: 300_000_000, noNaN: true }), { minLength: 1, maxLength: 200 })

describe('durations by their counts', () => {
  test('bounds are whole milliseconds that grow by a half or a third', () => {
    expect(DURATION_BOUNDS.slice(0, 8)).toEqual([1, 2, 3, 4, 6, 8, 12, 16])
    expect(DURATION_BOUNDS.length).toBe(55)
    const steps = DURATION_BOUNDS.slice(2).map((bound, at) => bound / (DURATION_BOUNDS[at + 1] ?? 0))
    expect(Math.max(...steps)).toBe(1.5)
    expect(Math.min(...steps)).toBeCloseTo(4 / 3)
  })

  test('a length belongs to the first bound that it does not exceed', () => {
    expect([0, 0.3, 1, 1.001, 2, 5, 6, 6.5].map(bucketOf)).toEqual([0, 0, 0, 1, 1, 4, 4, 5])
    expect(bucketOf(1e12)).toBe(DURATION_BOUNDS.length)
  })

  test('counts of parts add up to those of the whole, whichever is longer', () => {
    fc.assert(
      fc.property(lengths, lengths, (one, other) => {
        const sum = addDurations(measured(one), measured(other))
        expect(sum.counts).toEqual(measured([...one, ...other]).counts)
        expect(addDurations(measured(other), measured(one)).counts).toEqual(sum.counts)
      }),
    )
  })

  test('a percentile is within the bounds of the length that it stands for', () => {
    fc.assert(
      fc.property(lengths, (all) => {
        const sorted = all.toSorted((a, b) => a - b)
        const { p50Ms, p95Ms, p99Ms, count } = durationsOf(measured(all))
        expect(count).toBe(all.length)
        for (const [part, told] of [
          [0.5, p50Ms],
          [0.95, p95Ms],
          [0.99, p99Ms],
        ] as const) {
          const exact = sorted[Math.ceil(part * all.length) - 1] ?? 0
          const at = bucketOf(exact)
          expect(told).toBeGreaterThanOrEqual(DURATION_BOUNDS[at - 1] ?? 0)
          expect(told).toBeLessThanOrEqual(DURATION_BOUNDS[at] ?? DURATION_BOUNDS.at(-1) ?? 0)
        }
      }),
    )
  })

  test('of nothing there is no percentile', () => {
    expect(durationsOf({ sumMs: 0, counts: [] })).toEqual({
      count: 0,
      sumMs: 0,
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
      buckets: [],
    })
  })
})

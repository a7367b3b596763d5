import { describe, expect, test } from 'vitest'
import { describeFailure, simulate } from './run.ts'
import { seedRanges } from './seeds.ts'

describe('the worker runtime on a simulated store, network and clock', () => {
  test.each(seedRanges())(
    'keeps its promises for seeds $first to $last',
    async ({ first, last }) => {
      for (let seed = first; seed <= last; seed++) {
        const report = await simulate(seed)
        expect(report.violations.length === 0 ? '' : describeFailure(report)).toBe('')
      }
    },
    600_000,
  )
})

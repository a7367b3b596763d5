import { describe, expect, test } from 'vitest'
import { simulate } from './run.ts'
import type { Sabotage } from './scenario.ts'

/** Enough seeds for each of these mistakes to show many times over. */
const MOST_SEEDS = 150

/** Mistakes on purpose, and what the simulation must say of each. */
const MISTAKES: readonly { readonly sabotage: Sabotage; readonly verdict: RegExp }[] = [
  { sabotage: 'no fence', verdict: /not fenced|has not returned/ },
  { sabotage: 'no rescue', verdict: /never ended: executing/ },
  { sabotage: 'eager rescue', verdict: /taken from .* where nothing was wrong|although nothing was wrong/ },
  { sabotage: 'no group limit', verdict: /^group .* at once/ },
  { sabotage: 'no attempt limit', verdict: /attempts of/ },
  { sabotage: 'settlements dropped', verdict: /never ended: executing/ },
  { sabotage: 'claims forgotten', verdict: /never ended: executing/ },
  { sabotage: 'deaf to stop', verdict: /after that was told to stop/ },
  { sabotage: 'signals swallowed', verdict: /its handler was told nothing|handlers at once/ },
  { sabotage: 'double concurrency', verdict: /handlers at once/ },
]

describe('the simulation can fail', () => {
  test.each(MISTAKES)(
    'and notices: $sabotage',
    async ({ sabotage, verdict }) => {
      const seen = new Set<string>()
      for (let seed = 1; seed <= MOST_SEEDS; seed++) {
        const { violations } = await simulate(seed, sabotage)
        for (const violation of violations) seen.add(violation)
        if (violations.some((violation) => verdict.test(violation))) return
      }
      expect([...seen].slice(0, 10)).toContainEqual(expect.stringMatching(verdict))
    },
    60_000,
  )

  test('a seed gives the same history every time', async () => {
    const [first, second] = [await simulate(7, 'claims forgotten'), await simulate(7, 'claims forgotten')]
    expect(second).toEqual(first)
  })
})

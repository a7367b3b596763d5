import { expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { UnheardClaims } from './unheard-claims.ts'

it('a claim whose reply was lost is looked for at once, and again in ever longer intervals', async () => {
  const clock = new ManualClock()
  const looks: number[] = []
  const unheard = new UnheardClaims(clock, () => {
    looks.push(clock.now())
    unheard.looked()
  })
  unheard.looked()
  await clock.advance(600_000)
  expect(looks).toEqual([])
  unheard.suspect()
  expect(unheard.isDue).toBe(true)
  unheard.looked()
  expect(unheard.isDue).toBe(false)
  await clock.advance(40_000)
  expect(looks.map((at) => at - 600_000)).toEqual([5000, 15_000, 35_000])
  unheard.forget()
  expect(clock.pendingTimers).toBe(0)
})

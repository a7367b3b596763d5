import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prettifyMs } from './prettify-ms.ts'
import { Progress } from './progress.ts'

type Said = [fraction: number, message: string | undefined, timeToCompleteMs: number | undefined]

function recorded(): { readonly said: Said[]; readonly update: (...said: Partial<Said>) => Promise<void> } {
  const said: Said[] = []
  return {
    said,
    update: (fraction = -1, message, timeToCompleteMs) => {
      said.push([fraction, message, timeToCompleteMs])
      return Promise.resolve()
    },
  }
}

describe('Progress', () => {
  it('weighs phases, and says how long the rest takes at the speed so far', async () => {
    const { said, update } = recorded()
    let now = 0
    const progress = new Progress(update, { read: 1, write: 3 }, { throttleMs: 0, now: () => now })
    await progress.start('read')
    now = 1000
    await progress.update(0.5, 'half of it')
    now = 2000
    await progress.start('write', 'writing')
    await progress.complete()
    expect(said).toEqual([
      [0, 'read', undefined],
      [0.125, 'half of it', 7000],
      [0.25, 'writing', 6000],
      [1, undefined, 0],
    ])
  })

  it('stores at most one update in each interval, but every beginning and end of a phase', async () => {
    const { said, update } = recorded()
    let now = 0
    const progress = new Progress(update, { all: 1 }, { throttleMs: 100, now: () => now })
    await progress.start('all')
    for (let step = 1; step <= 30; step++) {
      now += 10
      await progress.update(step / 40)
    }
    await progress.finish('done')
    expect(said.map(([fraction]) => fraction)).toEqual([0, 0.25, 0.5, 0.75, 1])
  })

  it('never goes back while its phases go forward, and ends at one', async () => {
    const weights = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(weights, fc.array(fc.double({ min: -1, max: 2, noNaN: true })), async (given, steps) => {
        const { said, update } = recorded()
        const phases = Object.fromEntries(given.map((weight, index) => [`phase ${index}`, weight]))
        const progress = new Progress(update, phases, { throttleMs: 0 })
        for (const phase of Object.keys(phases)) {
          await progress.start(phase)
          for (const step of steps.toSorted((a, b) => a - b)) await progress.update(step)
        }
        await progress.finish()
        const fractions = said.map(([fraction]) => fraction)
        for (const [index, fraction] of fractions.entries())
          expect(fraction).toBeGreaterThanOrEqual((fractions[index - 1] ?? 0) - 1e-12)
        expect(fractions.at(-1)).toBeCloseTo(1, 12)
      }),
    )
  })

  it('refuses weights that are none, phases it does not know, and fractions that are no number', async () => {
    const { update } = recorded()
    expect(() => new Progress(update, {})).toThrow(/`phases` of Progress must be an object with a weight/)
    expect(() => new Progress(update, { a: 0 })).toThrow(/`phases.a` of Progress must be a positive number; got 0/)
    const progress = new Progress<string>(update, { a: 1 })
    await expect(progress.start('b')).rejects.toThrow(/one of a; got b/)
    await expect(progress.update(Number.NaN)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

describe('prettifyMs', () => {
  it('gives the two largest units', () => {
    const given = [-5, 0, 350.4, 999.6, 12_000, 65_000, 3_600_000, 3_900_000, 90_061_000, 86_400_000 * 400]
    expect(given.map(prettifyMs)).toEqual(['0ms', '0ms', '350ms', '1s', '12s', '1m 5s', '1h', '1h 5m', '1d 1h', '400d'])
  })
})

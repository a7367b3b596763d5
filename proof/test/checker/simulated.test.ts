import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GuaranteeId } from '../../src/checker/violation.ts'
import { simulate, type Simulated } from './simulated-queue.ts'
import { broken, DB_EPOCH_MS } from './story.ts'

/** Spoils a legal history; false if it has nothing to spoil. */
type Flaw = (simulated: Simulated) => boolean

const FLAWS: readonly (readonly [string, GuaranteeId, Flaw])[] = [
  [
    'the end of a success is dropped',
    'G4',
    on('ok', ({ story }, job) => story.without((event) => event.type === 'end' && event.exec === `a${job}/${job}/1`)),
  ],
  [
    'a success is followed by a second run',
    'G5',
    on('ok', ({ story }, job) => story.ran([20_000 + job * 30_000, 20_100 + job * 30_000], `b${job}`, job, 2)),
  ],
  [
    'the freeze that explains an overlap is dropped',
    'G6',
    on('frozen', ({ story }) => story.without((event) => event.type === 'fault' && event.effect === 'stall')),
  ],
  [
    'the signal of a lost lease is dropped',
    'G7',
    on('frozen', ({ story }, job) =>
      story.without((event) => event.type === 'abort' && event.exec === `a${job}/${job}/1`),
    ),
  ],
  [
    'the run that follows a kill is dropped',
    'G4',
    on('killed', ({ story }, job) => story.without((event) => 'exec' in event && event.exec === `b${job}/${job}/2`)),
  ],
  [
    'the reading of a job is dropped that nobody finished',
    'G1',
    on('killed', ({ story }, job) =>
      story.without(
        (event) =>
          ('exec' in event && event.exec === `b${job}/${job}/2`) || (event.type === 'state' && event.job === job),
      ),
    ),
  ],
  [
    'a retry waits for less than its delay',
    'G9',
    on('threw', ({ story }, job) =>
      story
        .add(job * 30_000 - 28_990, job, { retryDelaysMs: [5_000] })
        .without(
          (event) =>
            event.type === 'add' &&
            event.jobs.some((spec) => spec.ref === `r${job}` && spec.retryDelaysMs?.[0] === 200),
        ),
    ),
  ],
  [
    'the signal of a cancellation is dropped, and the handler goes on',
    'G22',
    on('cancelled', ({ story }, job) =>
      story.without((event) => (event.type === 'abort' || event.type === 'end') && event.exec === `a${job}/${job}/1`),
    ),
  ],
  [
    'a payload is altered',
    'G21',
    on('ok', ({ story }, job) => story.start(job * 30_000, `b${job}`, job, { attempt: 2, payloadHash: 'other' })),
  ],
  [
    'the database turns out to be behind',
    'G16',
    on('ok', ({ story }, job) =>
      story
        .start(job * 30_000 - 10_000, `a${job}`, 900)
        .end(job * 30_000 - 9_000, `a${job}`, 900)
        .add(job * 30_000 - 10_500, 900, { runAtDbMs: DB_EPOCH_MS + job * 30_000 })
        .state(400_000, 900, 'completed'),
    ),
  ],
]

/** Applies a flaw to the first job that met with `fate`. */
function on(fate: string, spoil: (simulated: Simulated, job: number) => unknown): Flaw {
  return (simulated) => {
    const job = [...simulated.fates].find(([, met]) => met === fate)?.[0]
    if (job === undefined) return false
    spoil(simulated, job)
    return true
  }
}

const seeds = fc.integer({ min: 1, max: 1_000_000 })

describe('histories of a simulated queue under faults', () => {
  it('violate nothing as long as the queue is right', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(broken(simulate(seed).story.judge())).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it.each(FLAWS)('are found out when %s: %s', (_name, guarantee, spoil) => {
    let spoiled = 0
    fc.assert(
      fc.property(seeds, (seed) => {
        const simulated = simulate(seed)
        if (!spoil(simulated)) return
        spoiled++
        expect(broken(simulated.story.judge())).toContain(guarantee)
      }),
      { numRuns: 40 },
    )
    expect(spoiled).toBeGreaterThan(5)
  })
})

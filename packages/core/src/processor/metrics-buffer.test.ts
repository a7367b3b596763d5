import { describe, expect, test } from 'vitest'
import type { ClaimedJob } from '../store/claim.ts'
import type { MetricEntry } from '../store/metrics.ts'
import { CLAIMED_JOB } from '../testing/attempt-bench.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { MetricsBuffer } from './metrics-buffer.ts'

/** What the store's clock is ahead of the worker's. */
const AHEAD_MS = 10_000_000
const MINUTE_MS = 60_000

function create() {
  const clock = new ManualClock({ startMs: 30_000, random: () => 0 })
  const reports: (readonly MetricEntry[])[] = []
  const errors: unknown[] = []
  const state = { isDown: false }
  const buffer = new MetricsBuffer({
    clock,
    store: () =>
      Promise.resolve({
        storeTime: () => Promise.resolve(new Date(clock.now() + AHEAD_MS)),
        recordMetrics({ entries }) {
          if (state.isDown) return Promise.reject(new Error('down'))
          reports.push(structuredClone(entries))
          return Promise.resolve(clock.now() + AHEAD_MS)
        },
      }),
    onError: (error) => errors.push(error),
  })
  /** A job that was ready `waitedMs` before it was started just now, and ran for `durationMs`. */
  const ran = (durationMs: number, job: Partial<ClaimedJob> = {}, waitedMs = 0): void =>
    buffer.measured(
      {
        job: {
          ...CLAIMED_JOB,
          attempt: 1,
          readySeq: CLAIMED_JOB.id,
          createdAt: new Date(clock.now() + AHEAD_MS - waitedMs).toISOString(),
          ...job,
        },
        startedAt: clock.now(),
        durationMs,
      },
      'completed',
    )
  return { clock, reports, errors, state, buffer, ran }
}

describe('the metrics of a processor', () => {
  test('are told once a minute, at its end by the clock of the store, and not while nothing is done', async () => {
    const { clock, reports, buffer, ran } = create()
    ran(3)
    await buffer.flush()
    expect(reports.splice(0).length).toBe(1)
    const left = MINUTE_MS - ((clock.now() + AHEAD_MS) % MINUTE_MS)
    for (let n = 0; n < 5; n++) ran(n)
    await clock.advance(left - 10)
    ran(1)
    expect(reports).toEqual([])
    await clock.advance(31_000)
    expect(reports.flat()).toMatchObject([{ completed: 6, run: { sumMs: 11, counts: [3, 1, 1, 1] } }])
    const [entry] = reports.flat()
    expect((entry?.agoMs ?? 0) % MINUTE_MS).toBeGreaterThan(20_000)
    await clock.advance(10 * MINUTE_MS)
    expect([reports.length, clock.pendingTimers]).toEqual([1, 0])
  })

  test('measure waits by the clock of the store, of jobs that were ready when added, and not all of a crowd', async () => {
    const { clock, reports, buffer, ran } = create()
    ran(1, {}, 500)
    await clock.advance(0)
    ran(1, {}, 700)
    for (let n = 0; n < 100; n++) ran(1, {}, 700)
    await clock.advance(5)
    ran(1, {}, 100)
    await clock.advance(5)
    ran(1, { attempt: 2 }, 9000)
    ran(1, { readySeq: CLAIMED_JOB.id + 1 }, 9000)
    await buffer.flush()
    expect(reports.flat().map(({ completed, wait }) => [completed, wait.sumMs])).toEqual([[105, 800]])
  })

  test('tell queues apart, up to a hundred series, and what is beyond them together', async () => {
    const { clock, reports, buffer, ran } = create()
    await clock.advance(0)
    for (let n = 0; n < 150; n++) ran(1, { jobType: 'mail', queue: `q${n}` })
    ran(1, { jobType: 'mail', queue: 'q0' })
    await buffer.flush()
    const entries = reports.flat()
    expect(entries.length).toBe(101)
    expect(entries.find(({ queue }) => queue === 'q0')).toMatchObject({ jobType: 'mail', completed: 2 })
    expect(entries.find(({ jobType }) => jobType === '*')).toMatchObject({ queue: null, completed: 50 })
  })

  test('are kept while the store is down, minute by minute, and told when it is back', async () => {
    const { clock, reports, errors, state, ran } = create()
    ran(1)
    await clock.advance(0)
    state.isDown = true
    ran(2)
    await clock.advance(MINUTE_MS)
    ran(2)
    await clock.advance(MINUTE_MS)
    expect([reports, errors.length]).toEqual([[], 2])
    state.isDown = false
    await clock.advance(MINUTE_MS)
    expect(reports.flat().map(({ completed }) => completed)).toEqual([2, 1])
    expect(reports.flat().map(({ agoMs }) => Math.floor(agoMs / MINUTE_MS))).toEqual([2, 1])
    expect(errors.length).toBe(2)
    for (let n = 0; n < 70; n++) {
      state.isDown = true
      ran(1)
      await clock.advance(MINUTE_MS)
    }
    state.isDown = false
    await clock.advance(2 * MINUTE_MS)
    expect(reports.flat().length - 2).toBe(60)
  })
})

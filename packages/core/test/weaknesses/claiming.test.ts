import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

describe.skipIf(SERVER_URL === undefined)('weaknesses 3, 9, 10, 12 and 13: claiming', () => {
  test(
    '3: claims cost the same with 1,000 and with 100,000 jobs pending, and half of them in the future',
    { timeout: 90_000 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      const processor = queue.createProcessor({ work: () => undefined }, { batchSize: 10, concurrency: 10 })
      const durations: number[] = []
      queue.hooks.subscribe((event) => {
        if (event.type === 'claim' && event.jobs > 0) durations.push(event.durationMs)
      })
      const runAt = new Date(Date.now() + 86_400_000)
      const fill = async (count: number): Promise<void> => {
        const jobs = Array.from({ length: 5000 }, (_, n) => ({
          jobType: 'work',
          payload: n,
          ...(n % 2 === 0 ? { runAt } : {}),
        }))
        for (let added = 0; added < count; added += 5000)
          await queue.addJobs(jobs.slice(0, Math.min(5000, count - added)))
      }
      const measure = async (): Promise<number> => {
        durations.length = 0
        for (let n = 0; n < 15; n++) expect(await processor.start()).toBe(10)
        return median(durations)
      }
      await fill(1000)
      const few = await measure()
      await fill(99_000)
      const many = await measure()
      await lab.sql(`analyze "${lab.schema}".jobs`)
      const analysed = await measure()
      expect((await queue.getStats()).byStatus.pending).toBe(100_000 - 450)
      // Wide margins, for a busy machine; a scan of the table costs a hundred times as much.
      const limit = Math.max(25, few * 5)
      expect([many, analysed].filter((duration) => duration > limit)).toEqual([])
    },
  )

  test('9: a job added by another process starts within milliseconds, although polling is slow', async () => {
    const lab = await openLab()
    const [queue, adder] = [lab.queue(), lab.queue()]
    const started = new Map<unknown, number>()
    await using processor = queue.createProcessor(
      { work: (payload) => void started.set(payload, performance.now()) },
      { pollInterval: 10_000 },
    )
    processor.startInBackground()
    await poll(async () => (await queue.getWorkers()).length === 1)
    const latencies: number[] = []
    for (let n = 0; n < 20; n++) {
      const addedAt = performance.now()
      await adder.addJob({ jobType: 'work', payload: n })
      await poll(() => started.has(n), { every: 1 })
      latencies.push((started.get(n) ?? 0) - addedAt)
    }
    expect(median(latencies)).toBeLessThan(100)
  })

  test('10: a full group holds its limit, and holds up nobody else', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let isHeld = true
    let running = 0
    let most = 0
    const waiting: (() => void)[] = []
    await using processor = queue.createProcessor(
      {
        held: async () => {
          running += 1
          most = Math.max(most, running)
          if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
          running -= 1
        },
        free: () => undefined,
      },
      { groupConcurrency: 2, concurrency: 8, pollInterval: 100 },
    )
    processor.startInBackground()
    await queue.addJobs(
      Array.from({ length: 3000 }, (_, n) => ({ jobType: 'held', payload: n, priority: 9, group: { id: 'full' } })),
    )
    await poll(() => running === 2)
    const startedAt = performance.now()
    await queue.addJobs(Array.from({ length: 200 }, (_, n) => ({ jobType: 'free', payload: n })))
    await poll(async () => (await queue.getStats()).byStatus.completed === 200)
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(await queue.cancelAllUpcomingJobs({ jobType: 'held' })).toBe(2998)
    await queue.addJobs(Array.from({ length: 20 }, (_, n) => ({ jobType: 'held', payload: n, group: { id: 'full' } })))
    isHeld = false
    for (const open of waiting) open()
    await poll(async () => (await queue.getStats()).byStatus.completed === 222)
    expect(most).toBe(2)
    expect(await queue.checkInvariants()).toEqual([])
  })

  test('12: after a drain nothing starts, and nothing holds the process', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const worker = await lab.worker()
    await queue.addJobs(Array.from({ length: 300 }, () => ({ jobType: 'quick', payload: null })))
    worker.send({ do: 'drain', ms: 30_000 })
    const drained = await worker.heard('drained')
    expect(await worker.ended).toBe(0)
    expect(performance.now() - drained.at).toBeLessThan(2000)
    const { byStatus } = await queue.getStats()
    expect([byStatus.processing, byStatus.completed + byStatus.pending]).toEqual([0, 300])
  })

  test('13: twelve jobs of one batch run in order, and by priority within it', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const order: unknown[] = []
    await using processor = queue.createProcessor(
      { work: (payload) => void order.push(payload) },
      { concurrency: 1, batchSize: 12, pollInterval: 50 },
    )
    const numbers = Array.from({ length: 12 }, (_, n) => n)
    await queue.addJobs(numbers.map((n) => ({ jobType: 'work', payload: n })))
    processor.startInBackground()
    await poll(() => order.length === 12)
    expect(order).toEqual(numbers)
    await processor.stopAndDrain()
    order.length = 0
    await queue.addJobs(numbers.map((n) => ({ jobType: 'work', payload: n, priority: n % 3 })))
    processor.startInBackground()
    await poll(() => order.length === 12)
    expect(order).toEqual([2, 5, 8, 11, 1, 4, 7, 10, 0, 3, 6, 9])
  })
})

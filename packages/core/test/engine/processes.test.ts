import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL, type WorkerProcess } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const HOUR_MS = 3_600_000

describe.skipIf(SERVER_URL === undefined)('many processes', () => {
  test(
    'while workers are killed and replaced all the time, every job completes and none exceeds its attempts',
    { timeout: 90_000 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      const start = (): Promise<WorkerProcess> =>
        lab.worker({ processor: { leaseMs: 2000, concurrency: 4, groupConcurrency: 3 } })
      const workers = await Promise.all([start(), start(), start()])
      const ids: number[] = []
      for (let round = 0; round < 5; round++) {
        const jobs = Array.from({ length: 150 }, (_, n) => ({
          jobType: 'pause',
          payload: { ms: 10 },
          maxAttempts: 20,
          ...(n % 4 === 0 ? { group: { id: 'g' } } : {}),
        }))
        ids.push(...(await queue.addJobs(jobs)))
        const victim = workers[round % 3]
        await poll(() => (victim?.messages.length ?? 0) > 3)
        victim?.signal('SIGKILL')
        await victim?.ended
        workers[round % 3] = await start()
      }
      await poll(async () => (await queue.getStats()).byStatus.completed === ids.length, { within: 60_000 })
      const jobs = await queue.getJobs({}, 1000)
      expect(jobs).toHaveLength(750)
      // What the kills interrupted was run again, and nothing else.
      const again = jobs.filter(({ attempts }) => attempts > 1).length
      expect(again).toBeGreaterThan(0)
      expect(again).toBeLessThan(375)
      expect(Math.max(...jobs.map(({ attempts }) => attempts))).toBeLessThanOrEqual(6)
      await lab.check()
    },
  )

  test.each([6 * HOUR_MS, -6 * HOUR_MS])(
    'a worker whose clock is wrong by %i ms starts nothing early and loses nothing',
    async (skewMs) => {
      const lab = await openLab()
      const queue = lab.queue()
      const worker = await lab.worker({ skewMs, processor: { leaseMs: 2000 } })
      const witness = await lab.worker({ processor: { leaseMs: 2000, jobType: 'hang' } })
      const [row] = await lab.sql("select clock_timestamp() + interval '800 ms' as due")
      const due = row?.['due']
      if (!(due instanceof Date)) throw new TypeError('the server tells its time')
      const timed = await queue.addJob({ jobType: 'quick', payload: null, runAt: due })
      const distant = await queue.addJob({
        jobType: 'quick',
        payload: null,
        runAt: new Date(due.getTime() + 3 * HOUR_MS),
      })
      const flaky = await queue.addJob({ jobType: 'unknown', payload: null, maxAttempts: 2, retryDelay: 600 })
      await poll(async () => (await queue.getJob(timed))?.status === 'completed')
      const job = await queue.getJob(timed)
      expect(job?.startedAt?.getTime()).toBeGreaterThanOrEqual(due.getTime())
      expect((job?.startedAt?.getTime() ?? 0) - due.getTime()).toBeLessThan(3000)
      expect(await queue.getJob(distant)).toMatchObject({ status: 'pending', attempts: 0 })
      expect(await queue.getJob(flaky)).toMatchObject({ status: 'failed', attempts: 1 })
      expect(await queue.getWorkers()).toHaveLength(2)
      expect(
        [worker, witness].flatMap(({ messages }) => messages.filter(({ event }) => event === 'lease.lost')),
      ).toEqual([])
    },
  )
})

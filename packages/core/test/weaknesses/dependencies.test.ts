import { describe, expect, test } from 'vitest'
import type { JobQueue } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

// specs/job-queue.md, section 32: dependents cancelled by the first retryable failure, or stuck for ever; pending jobs that nothing
// can ever start.

function statusesOf(queue: JobQueue, ids: readonly number[]): Promise<(string | undefined)[]> {
  return Promise.all(ids.map(async (id) => (await queue.getJob(id))?.status))
}

describe.skipIf(SERVER_URL === undefined)('weaknesses 5 and 7: dependents', () => {
  test('7: prerequisites that fail once and then succeed, on eight processors at a time, cancel nothing', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    for (let n = 0; n < 8; n++) {
      lab
        .queue()
        .createProcessor(
          {
            flaky: (_payload, _signal, ctx) => {
              if (ctx.attempt === 1) throw new Error('not yet')
            },
            next: () => 'ran',
          },
          { concurrency: 4, pollInterval: 200 },
        )
        .startInBackground()
    }
    const flaky = await queue.addJobs(
      Array.from({ length: 60 }, () => ({ jobType: 'flaky', payload: null, retryDelay: 0 })),
    )
    const each = await queue.addJobs(
      flaky.map((id) => ({ jobType: 'next', payload: null, dependsOn: { jobIds: [id] }, tags: ['wave'] })),
    )
    const all = await queue.addJob({ jobType: 'next', payload: null, dependsOn: { jobIds: flaky } })
    const drained = await queue.addJob({ jobType: 'next', payload: null, dependsOn: { tags: ['wave'] } })
    const waiting = [...each, all, drained]
    await poll(async () => (await statusesOf(queue, waiting)).every((status) => status !== 'pending'))
    await poll(async () => (await queue.getStats()).byStatus.processing === 0)
    expect(new Set(await statusesOf(queue, waiting))).toEqual(new Set(['completed']))
    await lab.check()
  })

  test('7: a dependent is not stuck when its prerequisite is cleaned up, was done before, or is done meanwhile', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const processor = queue.createProcessor({ work: () => 'ran' }, { pollInterval: 200 })
    const [early, late] = await queue.addJobs([
      { jobType: 'work', payload: null },
      { jobType: 'work', payload: null, runAt: new Date(Date.now() + 3_600_000) },
    ])
    await processor.start()
    const blocked = await queue.addJob({
      jobType: 'work',
      payload: null,
      dependsOn: { jobIds: [early ?? 0, late ?? 0] },
    })
    await lab.sql(`update "${lab.schema}".finished_jobs set finished_at = finished_at - interval '60 days'`)
    expect(await queue.cleanupOldJobs(30)).toBe(1)
    const session = await lab.session()
    await session.query('begin')
    const inserted = await queue.addJob(
      { jobType: 'work', payload: null, dependsOn: { jobIds: [late ?? 0] } },
      { db: session },
    )
    await queue.editJob(late ?? 0, { runAt: null })
    processor.startInBackground()
    await poll(async () => (await queue.getJob(blocked))?.status === 'completed')
    await session.query('commit')
    await poll(async () => (await queue.getJob(inserted))?.status === 'completed')
    await lab.check()
  })

  test('7: a bulk cancellation, and a prerequisite that had failed before, take their dependents along', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const failing = queue.createProcessor({
      work: () => {
        throw new Error('no')
      },
    })
    const failed = await queue.addJob({ jobType: 'work', payload: null, maxAttempts: 1 })
    await failing.start()
    const late = await queue.addJob({ jobType: 'work', payload: null, dependsOn: { jobIds: [failed] } })
    const roots = await queue.addJobs(Array.from({ length: 20 }, () => ({ jobType: 'bulk', payload: null })))
    const second = await queue.addJobs(
      roots.map((id) => ({ jobType: 'work', payload: null, dependsOn: { jobIds: [id] } })),
    )
    const third = await queue.addJob({ jobType: 'work', payload: null, dependsOn: { jobIds: second } })
    expect(await queue.cancelAllUpcomingJobs({ jobType: 'bulk' })).toBe(20)
    expect(new Set(await statusesOf(queue, [late, ...second, third]))).toEqual(new Set(['cancelled']))
    await lab.check()
  })

  test('5: no blocked job is left from which nothing can happen, when workers are killed at random', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const settings = { processor: { leaseMs: 2000, concurrency: 8 } }
    const ids: number[] = []
    for (let layer = 0; layer < 6; layer++) {
      const before = ids.slice(-20)
      ids.push(
        ...(await queue.addJobs(
          Array.from({ length: 20 }, (_, n) => ({
            jobType: 'flaky',
            payload: { ms: 30, fails: n % 4 === 0 ? 9 : 0 },
            maxAttempts: n % 4 === 0 ? 1 : 4,
            retryDelay: 0,
            ...(layer === 0 ? {} : { dependsOn: { jobIds: [before[n] ?? 0, before[(n + 1) % 20] ?? 0] } }),
          })),
        )),
      )
    }
    for (const kills of [1, 2]) {
      const victim = await lab.worker(settings)
      await poll(() => victim.messages.filter(({ event }) => event === 'settled').length >= 5 * kills)
      victim.signal('SIGKILL')
    }
    await lab.worker(settings)
    const ended = new Set(['completed', 'failed', 'cancelled'])
    await poll(
      async () => {
        const jobs = await queue.getJobs({}, ids.length)
        return jobs.every(({ status, nextAttemptAt }) => ended.has(status) && nextAttemptAt === null)
      },
      { within: 30_000 },
    )
    const { byStatus } = await queue.getStats()
    // The five that fail in each layer, less those that were cancelled before.
    expect(byStatus.failed).toBeGreaterThanOrEqual(5)
    expect(byStatus.completed + byStatus.failed + byStatus.cancelled).toBe(ids.length)
    await lab.check()
  })
})

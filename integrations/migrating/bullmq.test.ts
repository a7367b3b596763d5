import { Queue, Worker } from 'bullmq'
import { initJobQueue } from 'millrace'
import { describe, expect, test } from 'vitest'
import { Ledger, ownDatabase, serverUrl, until } from './database.ts'
import { scriptOf } from './guide.ts'

const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''

describe.skipIf(serverUrl === '' || redisUrl === '')('the guide from BullMQ', () => {
  const connection = { url: redisUrl, maxRetriesPerRequest: null }

  test('moves waiting jobs with all they have; killed half-way and run again it doubles none', async () => {
    await using database = await ownDatabase('migrate_bullmq_one')
    await using queue = initJobQueue({ pool: database.pool, listen: false })
    const mails = new Queue('migrating-mails', { connection })
    await mails.obliterate({ force: true })
    await mails.add('welcome', { to: null }, { delay: 3_600_000, priority: 3, attempts: 5 })
    await mails.add('welcome', { to: 'b' })
    const move = await scriptOf('bullmq', ['mails', 'queue'])
    await expect(move(mails, queue)).rejects.toThrow('not paused')
    await mails.pause()

    // Killed after the add, before the removal.
    const dying = Object.create(mails, {
      getJobs: {
        value: async (...args: Parameters<Queue['getJobs']>) => {
          const jobs = await mails.getJobs(...args)
          for (const job of jobs) job.remove = () => Promise.reject(new Error('killed'))
          return jobs
        },
      },
    })
    await expect(move(dying, queue)).rejects.toThrow('killed')
    expect(await queue.getAllJobs()).toHaveLength(2)

    expect(await move(mails, queue)).toBe(2)
    const jobs = (await queue.getAllJobs()).toSorted((a, b) => a.priority - b.priority)
    expect(jobs).toHaveLength(2)
    expect(jobs[0]).toMatchObject({ jobType: 'welcome', payload: { to: null }, priority: -3, maxAttempts: 5 })
    expect(Math.abs(Number(jobs[0]?.runAt) - Date.now() - 3_600_000)).toBeLessThan(60_000)
    expect(jobs[1]).toMatchObject({ payload: { to: 'b' }, priority: 0, maxAttempts: 1 })
    expect(await mails.getJobCounts('wait', 'delayed', 'prioritized')).toMatchObject({
      delayed: 0,
      prioritized: 0,
    })
    await mails.obliterate({ force: true })
    await mails.close()
  })

  test('loses and doubles nothing while both systems work', async () => {
    await using database = await ownDatabase('migrate_bullmq_live')
    await using queue = initJobQueue<{ mail: { n: number } }>({ pool: database.pool })
    const mails = new Queue('migrating-live', { connection })
    await mails.obliterate({ force: true })
    const total = 1500
    await mails.addBulk(Array.from({ length: total }, (_, n) => ({ name: 'mail', data: { n } })))
    const ledger = new Ledger()
    const worker = new Worker<{ n: number }>('migrating-live', async ({ data }) => ledger.record(data.n, 'there'), {
      connection,
    })
    await until('the old worker has begun', () => ledger.size > 0)
    const handlers = { mail: ({ n }: { n: number }) => ledger.record(n, 'here') }
    queue.createProcessor(handlers, { concurrency: 4 }).startInBackground()
    await mails.pause()
    await until('nothing runs there', async () => (await mails.getActiveCount()) === 0)
    const move = await scriptOf('bullmq', ['mails', 'queue'])
    await move(mails, queue)
    await until('all jobs have run', () => ledger.size === total)
    await worker.close()
    await mails.obliterate({ force: true })
    await mails.close()

    expect(ledger.twice()).toEqual([])
    expect(ledger.by('there')).toBeGreaterThan(0)
    expect(ledger.by('here')).toBeGreaterThan(0)
  })
})

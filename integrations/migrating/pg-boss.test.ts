import { initJobQueue } from 'millrace'
import { PgBoss } from 'pg-boss'
import { describe, expect, test } from 'vitest'
import { Ledger, moveAll, ownDatabase, serverUrl, until } from './database.ts'
import { blockOf } from './guide.ts'

async function startBoss(connectionString: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, schedule: false, supervise: false })
  boss.on('error', () => undefined)
  await boss.start()
  return boss
}

describe.skipIf(serverUrl === '')('the guide from pg-boss', () => {
  test('moves waiting jobs with all they have, and leaves what runs, has ended, or waits for others', async () => {
    await using database = await ownDatabase('migrate_boss_one')
    const { pool } = database
    await using queue = initJobQueue({ pool, listen: false })
    await queue.ready()
    const boss = await startBoss(database.url)
    await boss.createQueue('dead')
    await boss.createQueue('mail', { policy: 'short', deadLetter: 'dead' })
    await boss.createQueue('tried', {
      retryLimit: 4,
      retryDelay: 7,
      retryBackoff: true,
      retryDelayMax: 90,
      expireInSeconds: 30,
    })
    const startAfter = new Date(Date.now() + 3_600_000)
    const data = { to: null, list: [null, 1] }
    await boss.send('mail', data, { startAfter, priority: 3, singletonKey: 'welcome 7', group: { id: 'ada' } })
    // One that has failed once, one that runs, one that is done, one without data.
    await boss.send('tried', { n: 1 })
    for (const job of await boss.fetch('tried')) await boss.fail('tried', job.id)
    await boss.send('tried', { n: 2 }, { priority: 1 })
    await boss.fetch('tried')
    await boss.send('tried', { n: 3 }, { priority: 1 })
    for (const job of await boss.fetch('tried')) await boss.complete('tried', job.id)
    await boss.send('tried')
    await boss.stop({ graceful: false })

    expect(await moveAll(pool, blockOf('pg-boss', 'sql'))).toBe(3)
    const jobs = (await queue.getAllJobs()).toSorted((a, b) => a.id - b.id)
    expect(jobs.map(({ payload }) => payload)).toEqual([data, { n: 1 }, null])
    expect(jobs[0]).toMatchObject({
      jobType: 'mail',
      priority: 3,
      groupId: 'ada',
      idempotencyKey: 'mail welcome 7',
      deadLetterJobType: 'dead',
    })
    expect(jobs[0]?.runAt).toEqual(startAfter)
    expect(jobs[1]).toMatchObject({
      maxAttempts: 4,
      retryDelay: 7,
      retryBackoff: true,
      retryDelayMax: 90,
      timeoutMs: 30_000,
    })
    expect(jobs[2]).toMatchObject({ maxAttempts: 5, idempotencyKey: null })
    const left = await pool.query<{ state: string }>('select state from pgboss.job order by state')
    expect(left.rows.map(({ state }) => state)).toEqual(['active', 'completed'])
  })

  test('loses and doubles nothing while both systems work', async () => {
    await using database = await ownDatabase('migrate_boss_live')
    const { pool } = database
    await using queue = initJobQueue<{ mail: { n: number } }>({ pool })
    await queue.ready()
    const boss = await startBoss(database.url)
    await boss.createQueue('mail')
    const total = 4000
    await boss.insert(
      'mail',
      Array.from({ length: total }, (_, n) => ({ data: { n } })),
    )

    const ledger = new Ledger()
    const options = { batchSize: 50, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
    await boss.work<{ n: number }>('mail', options, async (jobs) => {
      for (const { data } of jobs) ledger.record(data.n, 'there')
    })
    await until('the old worker has begun', () => ledger.size > 0)
    const handlers = { mail: ({ n }: { n: number }) => ledger.record(n, 'here') }
    queue.createProcessor(handlers, { concurrency: 4 }).startInBackground()
    const statement = blockOf('pg-boss', 'sql').replace('limit 10000', 'limit 500')
    await moveAll(pool, statement)
    await until('all jobs have run', () => ledger.size === total)
    await boss.stop()
    expect(await moveAll(pool, statement)).toBe(0)

    expect(ledger.twice()).toEqual([])
    expect(ledger.by('there')).toBeGreaterThan(0)
    expect(ledger.by('here')).toBeGreaterThan(0)
  })
})

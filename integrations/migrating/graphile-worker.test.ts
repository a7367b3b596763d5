import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { initJobQueue } from 'millrace'
import { describe, expect, test } from 'vitest'
import { Ledger, moveAll, ownDatabase, serverUrl, until } from './database.ts'
import { blockOf } from './guide.ts'

const logger = new Logger(() => () => undefined)

describe.skipIf(serverUrl === '')('the guide from Graphile Worker', () => {
  test('moves a waiting job with all it has, and leaves what runs or has used up its attempts', async () => {
    await using database = await ownDatabase('migrate_graphile_one')
    const { pool } = database
    await using queue = initJobQueue({ pool, listen: false })
    await queue.ready()
    const utils = await makeWorkerUtils({ connectionString: database.url, logger })
    await utils.migrate()
    const runAt = new Date(Date.now() + 3_600_000)
    const spec = { jobKey: 'welcome 7', queueName: 'ada', maxAttempts: 9, priority: 2, runAt }
    const payload = { to: null, list: [null, 1] }
    await utils.addJob('mail', payload, spec)
    const running = await utils.addJob('mail', { n: 1 })
    const dead = await utils.addJob('mail', { n: 2 }, { maxAttempts: 2 })
    await pool.query(`update graphile_worker._private_jobs set attempts = 4 where key = 'welcome 7'`)
    await pool.query(`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w' where id = $1`, [
      running.id,
    ])
    await pool.query('update graphile_worker._private_jobs set attempts = 2 where id = $1', [dead.id])

    expect(await moveAll(pool, blockOf('graphile-worker', 'sql'))).toBe(1)
    const [job, ...more] = await queue.getAllJobs()
    expect(more).toEqual([])
    expect(job).toMatchObject({
      jobType: 'mail',
      payload,
      queue: 'ada',
      idempotencyKey: 'welcome 7',
      priority: -2,
      maxAttempts: 5,
    })
    expect(job?.runAt).toEqual(runAt)
    const left = await pool.query('select id from graphile_worker._private_jobs order by id')
    expect(left.rows.map(({ id }) => id)).toEqual([running.id, dead.id])
    // A producer that knows the key adds no second one.
    const again = {
      jobType: 'mail',
      payload: {},
      idempotencyKey: 'welcome 7',
      keyMode: 'replace' as const,
      queue: 'ada',
    }
    expect(await queue.addJob(again)).toBe(job?.id)
    await utils.release()
  })

  test('loses and doubles nothing while both systems work', async () => {
    await using database = await ownDatabase('migrate_graphile_live')
    const { pool } = database
    await using queue = initJobQueue<{ mail: { n: number } }>({ pool })
    await queue.ready()
    const utils = await makeWorkerUtils({ connectionString: database.url, logger })
    await utils.migrate()
    const total = 4000
    await utils.addJobs(Array.from({ length: total }, (_, n) => ({ identifier: 'mail', payload: { n } })))

    const ledger = new Ledger()
    const work = async (payload: unknown, where: string): Promise<void> => {
      ledger.record((payload as { n: number }).n, where)
    }
    const taskList = { mail: (payload: unknown) => work(payload, 'there') }
    const there = await run({
      preset: { worker: { connectionString: database.url, concurrentJobs: 4 } },
      taskList,
      noHandleSignals: true,
      logger,
    })
    await until('the old worker has begun', () => ledger.size > 50)
    queue.createProcessor({ mail: (payload) => work(payload, 'here') }, { concurrency: 4 }).startInBackground()
    const statement = blockOf('graphile-worker', 'sql').replace('limit 10000', 'limit 500')
    await moveAll(pool, statement)
    await until('all jobs have run', () => ledger.size === total)
    await there.stop()
    expect(await moveAll(pool, statement)).toBe(0)
    await utils.release()

    expect(ledger.twice()).toEqual([])
    expect(ledger.by('there')).toBeGreaterThan(0)
    expect(ledger.by('here')).toBeGreaterThan(0)
  })
})

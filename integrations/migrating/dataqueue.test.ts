import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { initJobQueue as initDataQueue } from '@nicnocquee/dataqueue'
import { initJobQueue } from 'millrace'
import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { millrace, millraceJson } from './command.ts'
import { Ledger, moveAll, ownDatabase, serverUrl, until } from './database.ts'
import { blockOf } from './guide.ts'

interface Mails {
  mail: { n: number }
}

const IMPORT = ['migrate', '--import-from', 'dataqueue']

/** What `dataqueue-cli migrate` runs: the upward half of each of the package's migrations. */
async function migrateDataQueue(pool: pg.Pool): Promise<void> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@nicnocquee/dataqueue')), '../migrations')
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'))
  expect(files.length).toBeGreaterThan(3)
  for (const file of files.toSorted()) {
    const [up] = readFileSync(join(folder, file), 'utf8').split(/^-- Down Migration/im)
    await pool.query(up ?? '')
  }
}

describe.skipIf(serverUrl === '')('importing from DataQueue', () => {
  test('takes over what waits and what has failed, once, and leaves what runs and what has ended', async () => {
    await using database = await ownDatabase('import_dataqueue_one')
    const { pool, url } = database
    await migrateDataQueue(pool)
    const old = initDataQueue<Mails>({ databaseConfig: { connectionString: url } })
    const runAt = new Date(Date.now() + 3_600_000)
    await old.addJob({ jobType: 'mail', payload: { n: 1 }, runAt, priority: 3, tags: ['a', 'b'], timeoutMs: 5000 })
    await old.addJob({ jobType: 'mail', payload: { n: 2 }, maxAttempts: 5 })
    for (const n of [3, 4, 5, 6]) await old.addJob({ jobType: 'mail', payload: { n } })
    const nextAttempt = new Date(Date.now() + 60_000)
    const set = (n: number, what: string): Promise<unknown> =>
      pool.query(`update job_queue set ${what} where payload ->> 'n' = '${n}'`)
    await set(
      2,
      `status = 'failed', attempts = 2, next_attempt_at = '${nextAttempt.toISOString()}',
        error_history = '[{"message": "first", "timestamp": "2026-01-02T03:04:05Z"}, {"message": "second", "timestamp": "2026-01-02T03:05:05Z"}]'`,
    )
    await set(3, `status = 'failed', attempts = 3, failure_reason = 'timeout'`)
    await set(4, `status = 'completed'`)
    await set(5, `status = 'processing', locked_by = 'worker', attempts = 1`)

    // Nothing is there yet but its tables, and a look changes nothing.
    const look = { live: 3, dead: 1, held: 1, stays: 1, schedules: 0 }
    expect(await millraceJson(url, ...IMPORT, '--dry-run')).toEqual(look)
    expect((await pool.query(`select to_regnamespace('millrace') as made`)).rows).toEqual([{ made: null }])
    const refused = await millrace(url, ...IMPORT)
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/IMPORT_REFUSED: Its workers hold 1 jobs[^]*--held/),
    ])
    expect((await pool.query('select from job_queue')).rows).toHaveLength(6)

    const done = await millraceJson(url, ...IMPORT, '--held', 'leave')
    expect(done).toMatchObject({ jobs: 3, deadLetters: 1, sameKey: 0, left: { live: 0, dead: 0, held: 1, stays: 1 } })
    expect(await millraceJson(url, ...IMPORT, '--held', 'leave')).toMatchObject({ jobs: 0, deadLetters: 0 })
    const left = await pool.query(`select (payload ->> 'n')::integer as n from job_queue order by 1`)
    expect(left.rows).toEqual([{ n: 4 }, { n: 5 }])

    await using queue = initJobQueue({ pool, listen: false })
    const jobs = (await queue.getAllJobs()).toSorted((a, b) => a.id - b.id)
    expect(jobs.map(({ id, payload }) => [id, payload])).toEqual([1, 2, 3, 6].map((n) => [n, { n }]))
    expect(jobs[0]).toMatchObject({
      jobType: 'mail',
      priority: 3,
      tags: ['a', 'b'],
      timeoutMs: 5000,
      maxAttempts: 3,
      runAt,
    })
    expect(jobs[1]).toMatchObject({ status: 'failed', attempts: 2, maxAttempts: 5, nextAttemptAt: nextAttempt })
    expect(jobs[1]?.errorHistory?.map(({ message }) => message)).toEqual(['first', 'second'])
    expect(jobs[2]).toMatchObject({ status: 'failed', attempts: 3, nextAttemptAt: null, failureReason: 'timeout' })
    await queue.retryJob(3)
    expect(await queue.getJob(3)).toMatchObject({ status: 'pending' })

    // Its worker is dead.
    expect(await millraceJson(url, ...IMPORT, '--held', 'take')).toMatchObject({ jobs: 1, left: { held: 0, stays: 1 } })
    const taken = (await queue.getAllJobs()).find(({ payload }) => (payload as { n: number }).n === 5)
    expect(taken).toMatchObject({ status: 'pending', attempts: 1, maxAttempts: 3 })
    expect(await queue.checkInvariants()).toEqual([])
    await old.getPool().end()
  })

  test('takes columns of later versions: keys, groups and retries; jobs that are tied to each other stay together', async () => {
    await using database = await ownDatabase('import_dataqueue_later')
    const { pool, url } = database
    await migrateDataQueue(pool)
    await pool.query(`alter table job_queue add column idempotency_key text, add column group_id text, add column retry_delay integer,
      add column retry_backoff boolean, add column depends_on_job_ids integer[], add column depends_on_tags text[]`)
    await pool.query(`insert into job_queue (job_type, payload, tags, idempotency_key, group_id, retry_delay, retry_backoff, depends_on_job_ids, depends_on_tags) values
      ('first', '{}', null, null, null, null, null, null, null), ('after', '{}', null, null, null, null, null, '{1}', null),
      ('tagged', '{}', '{t}', null, null, null, null, null, null), ('barrier', '{}', null, null, null, null, null, null, '{t}'),
      ('keyed', 'null', null, 'k', 'g', 7, false, null, null), ('known', '{}', null, 'l', null, null, null, null, null)`)
    await using queue = initJobQueue({ pool, listen: false })
    const known = await queue.addJob({ jobType: 'ours', payload: 1, idempotencyKey: 'l' })

    expect(await millraceJson(url, ...IMPORT)).toMatchObject({ jobs: 1, sameKey: 1, left: { live: 4 } })
    const [job] = await queue.getJobs({ jobType: 'keyed' })
    expect(job).toMatchObject({ payload: null, idempotencyKey: 'k', groupId: 'g', retryDelay: 7, retryBackoff: false })
    expect(await queue.addJob({ jobType: 'x', payload: 1, idempotencyKey: 'k' })).toBe(job?.id)
    expect(await queue.getAllJobs()).toHaveLength(2)
    expect(await queue.getJob(known)).toMatchObject({ jobType: 'ours' })

    await pool.query(`update job_queue set status = 'completed' where job_type in ('after', 'barrier')`)
    expect(await millraceJson(url, ...IMPORT)).toMatchObject({ jobs: 2, left: { live: 0, stays: 2 } })
    expect(await queue.checkInvariants()).toEqual([])
  })

  test('changes nothing when not all that leaves the table would come', async () => {
    await using database = await ownDatabase('import_dataqueue_twice')
    const { pool, url } = database
    await migrateDataQueue(pool)
    const add = `insert into job_queue (job_type, payload) values ('mail', '{}'), ('mail', '{}')`
    await pool.query(add)
    expect(await millraceJson(url, ...IMPORT)).toMatchObject({ jobs: 2 })
    // Somebody made the table anew: its ids have been here before, and its jobs have not.
    await pool.query('truncate job_queue restart identity cascade')
    await pool.query(add)
    const again = await millrace(url, ...IMPORT)
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/of 2 jobs that left .*job_queue, 0 came/)])
    expect((await pool.query('select from job_queue')).rows).toHaveLength(2)
    const none = await millrace(url, ...IMPORT, '--from-schema', 'nowhere')
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no table job_queue in schema nowhere')])
    const alone = await millrace(url, 'migrate', '--held', 'take')
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--import-from')])
  })

  test('loses and doubles nothing while both systems work', async () => {
    await using database = await ownDatabase('import_dataqueue_both')
    await migrateDataQueue(database.pool)
    await using queue = initJobQueue({ pool: database.pool, listen: false })
    await queue.ready()
    const old = initDataQueue<Mails>({ databaseConfig: { connectionString: database.url } })
    const ledger = new Ledger()
    const theirs = old.createProcessor(
      { mail: ({ n }) => Promise.resolve(ledger.record(n, 'theirs')) },
      { batchSize: 3, pollInterval: 20 },
    )
    const ours = queue.createProcessor(
      { mail: (payload) => ledger.record((payload as { n: number }).n, 'ours') },
      { pollInterval: 50 },
    )
    ours.startInBackground()
    theirs.startInBackground()
    const statement = blockOf('dataqueue', 'sql').replace('import_dataqueue()', 'import_dataqueue(batch := 5)')
    expect(statement).toContain('batch := 5')
    for (let n = 0; n < 200; n += 1) {
      await old.addJob({ jobType: 'mail', payload: { n } })
      if (n % 10 === 9) await database.pool.query(statement)
    }
    await until('both have worked', () => ledger.by('ours') > 0 && ledger.by('theirs') > 0)
    await moveAll(database.pool, statement)
    await until('every job has run', () => ledger.size === 200)
    theirs.stop()
    await ours.stopAndDrain()
    const { rows } = await database.pool.query(`select from job_queue where status <> 'completed'`)
    expect(rows).toEqual([])
    expect(ledger.twice()).toEqual([])
    await old.getPool().end()
  })
})

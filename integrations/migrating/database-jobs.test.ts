import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { initJobQueue } from 'millrace'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { moveAll, ownDatabase, serverUrl, until } from './database.ts'
import { blockOf, scriptOf } from './guide.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'

/** The package's own script; the role that runs it stands for `administrator`. */
function packageSql(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@pgpm/database-jobs/package.json'))
  const script = readFileSync(join(folder, 'sql/pgpm-database-jobs--0.15.3.sql'), 'utf8')
  const roles = script.replace(/^\\echo.*$/m, '').replaceAll('administrator', 'current_user')
  return `create extension pgcrypto with schema public; ${roles}`
}

describe.skipIf(serverUrl === '')('the guide from @pgpm/database-jobs', () => {
  test('takes schedules and jobs over, while producers go on adding', async () => {
    await using database = await ownDatabase('migrate_database_jobs')
    const { pool } = database
    await pool.query(packageSql())
    await pool.query(
      `select app_jobs.add_scheduled_job('${A}', 'report', '{}', '{"rule": "0 4 * * *"}', job_key := 'daily')`,
    )
    await pool.query(
      `select app_jobs.add_job('${A}', 'kept', '{"to": null}', 'welcome 7', 'ada', now() + interval '1 hour', 9, 4)`,
    )
    await pool.query(`select app_jobs.add_job('${A}', 'running', priority := -9)`)
    await pool.query(`select app_jobs.get_job('worker-1')`)
    await pool.query(`select app_jobs.add_job('${A}', 'tried')`)
    await pool.query(`update app_jobs.jobs set attempts = 2 where task_identifier = 'tried'`)

    await using queue = initJobQueue({ pool, listen: false })
    await queue.ready()
    const added = await producing(database.url, async () => {
      await using client = await connected(database.url)
      const swap = await scriptOf('database-jobs', ['client'])
      await swap(client)
      return await moveAll(client, blockOf('database-jobs', 'sql'))
    })

    const jobs = (
      await pool.query<Record<string, unknown>>(`select * from app_jobs.jobs where task_identifier <> 'produced'`)
    ).rows
    const byName = new Map(jobs.map((job) => [job['task_identifier'], job]))
    expect(byName.get('kept')).toMatchObject({
      payload: { to: null },
      key: 'welcome 7',
      queue_name: 'ada',
      max_attempts: 9,
      priority: 4,
    })
    expect(byName.get('tried')).toMatchObject({ attempts: 2, max_attempts: 25 })
    expect(byName.has('running')).toBe(false)
    expect((await pool.query('select key from app_jobs.scheduled_jobs')).rows).toEqual([{ key: 'daily' }])
    const left = await pool.query('select task_identifier from app_jobs_before.jobs')
    expect(left.rows).toEqual([{ task_identifier: 'running' }])

    const produced = await pool.query<{ n: number }>(
      `select (payload ->> 'n')::integer as n from app_jobs.jobs where task_identifier = 'produced'`,
    )
    expect(produced.rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(added)
    expect(await queue.checkInvariants()).toEqual([])
  })
})

async function connected(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

/** Adds jobs, one after the other, before, during and after `work`; the numbers of those whose add was answered. */
async function producing(url: string, work: () => Promise<unknown>): Promise<number[]> {
  await using client = await connected(url)
  const added: number[] = []
  const failures: unknown[] = []
  let isOver = false
  const producer = (async () => {
    for (let n = 0; !isOver && failures.length < 2; n++) {
      await client.query(`select app_jobs.add_job('${A}', 'produced', $1)`, [JSON.stringify({ n })]).then(
        () => added.push(n),
        // One add may meet the moment in which the schema is exchanged: it fails, and nothing is added.
        (error: unknown) => failures.push(error),
      )
    }
  })()
  const isGoingOn = async (count: number): Promise<void> =>
    until('jobs are added', () => {
      if (failures.length > 1) throw failures[0]
      return added.length > count
    })
  try {
    await isGoingOn(20)
    await work()
    await isGoingOn(added.length + 20)
  } finally {
    isOver = true
    await producer
  }
  return added
}

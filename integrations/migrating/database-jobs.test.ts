import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { initJobQueue } from 'millrace'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { millrace, millraceJson } from './command.ts'
import { ownDatabase, serverUrl, until } from './database.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'

/** The package's own script; the role that runs it stands for `administrator`. */
function packageSql(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@pgpm/database-jobs/package.json'))
  const script = readFileSync(join(folder, 'sql/pgpm-database-jobs--0.15.3.sql'), 'utf8')
  const roles = script.replace(/^\\echo.*$/m, '').replaceAll('administrator', 'current_user')
  return `create extension pgcrypto with schema public; ${roles}`
}

const IMPORT = ['migrate', '--import-from', 'database-jobs']

describe.skipIf(serverUrl === '')('importing from @pgpm/database-jobs', () => {
  test('takes schedules, triggers and jobs over in place, while producers go on adding', async () => {
    await using database = await ownDatabase('migrate_database_jobs')
    const { pool, url } = database
    await pool.query(packageSql())
    await pool.query(`create schema jwt_private;
      create function jwt_private.current_database_id() returns uuid language sql as $$ select '${A}'::uuid $$;
      create table pets (id integer, name text);
      create trigger "a pet" after insert on pets for each row execute function app_jobs.tg_add_job_with_row('pet')`)
    const add = (more: string): Promise<unknown> => pool.query(`select app_jobs.add_job('${A}', ${more})`)
    await pool.query(
      `select app_jobs.add_scheduled_job('${A}', 'report', '{}', '{"rule": "0 4 * * *"}', job_key := 'daily')`,
    )
    await pool.query(`select app_jobs.add_scheduled_job('${A}', 'never', '{}', '{"rule": "nonsense"}')`)
    await add(`'kept', '{"to": null}', 'welcome 7', 'ada', now() + interval '1 hour', 9, 4`)
    await add(`'running', priority := -9`)
    await pool.query(`select app_jobs.get_job('worker-1')`)
    await add(`'tried'`)
    await pool.query(`update app_jobs.jobs set attempts = 2, last_error = 'oops' where task_identifier = 'tried'`)
    await add(`'dead'`)
    await pool.query(`update app_jobs.jobs set attempts = 25, last_error = 'gone' where task_identifier = 'dead'`)

    expect(await millraceJson(url, ...IMPORT, '--dry-run')).toEqual({
      live: 2,
      dead: 1,
      held: 1,
      stays: 0,
      schedules: 2,
    })
    const refused = await millrace(url, ...IMPORT)
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/IMPORT_REFUSED: Its workers hold 1 jobs/),
    ])
    expect((await pool.query('select from app_jobs.jobs where locked_by is not null')).rows).toHaveLength(1)

    const added = await producing(url, async () => {
      const { code, stdout } = await millrace(url, ...IMPORT, '--held', 'leave', '--json')
      // The schedule that can never fire stays, and is named.
      expect([code, JSON.parse(stdout)]).toMatchObject([
        1,
        {
          deadLetters: 1,
          schedules: 1,
          triggers: 1,
          refused: [{ task: 'never', reason: expect.stringContaining('nonsense') }],
          left: { live: 0, dead: 0, held: 1, schedules: 1 },
        },
      ])
    })

    const jobs = (
      await pool.query<Record<string, unknown>>(`select * from app_jobs.jobs where task_identifier <> 'produced'`)
    ).rows
    const byName = new Map(jobs.map((job) => [job['task_identifier'], job]))
    // Under its own id, or moved up if a producer was first.
    expect(Number(byName.get('kept')?.['id']) % 1_000_000).toBeLessThan(100)
    expect(byName.get('kept')).toMatchObject({
      payload: { to: null },
      key: 'welcome 7',
      queue_name: 'ada',
      max_attempts: 9,
      priority: 4,
    })
    expect(byName.get('tried')).toMatchObject({ attempts: 2, max_attempts: 25, last_error: 'oops' })
    expect(byName.get('dead')).toMatchObject({ attempts: 25, last_error: 'gone' })
    expect(byName.has('running')).toBe(false)
    expect((await pool.query('select key from app_jobs.scheduled_jobs')).rows).toEqual([{ key: 'daily' }])
    const left = await pool.query('select task_identifier from app_jobs_before.jobs')
    expect(left.rows).toEqual([{ task_identifier: 'running' }])

    const produced = await pool.query<{ n: number }>(
      `select (payload ->> 'n')::integer as n from app_jobs.jobs where task_identifier = 'produced'`,
    )
    expect(produced.rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(added)

    // The worker is dead; what was renamed is not needed any more, and the schema is kept up to date like any other.
    await pool.query('delete from app_jobs_before.scheduled_jobs')
    expect(await millraceJson(url, ...IMPORT, '--held', 'take')).toMatchObject({
      jobs: 1,
      deadLetters: 0,
      schedules: 0,
    })
    await pool.query('drop schema app_jobs_before cascade')
    await pool.query(`insert into pets values (1, 'rex')`)
    expect((await pool.query(`select payload from app_jobs.jobs where task_identifier = 'pet'`)).rows).toEqual([
      { payload: { id: 1, name: 'rex' } },
    ])
    await using queue = initJobQueue({ pool, listen: false, with: ['app_jobs'] })
    expect(await queue.migrate()).toEqual([])
    expect(await queue.checkInvariants()).toEqual([])
    const none = await millrace(url, ...IMPORT)
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('Neither app_jobs nor app_jobs_before')])
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

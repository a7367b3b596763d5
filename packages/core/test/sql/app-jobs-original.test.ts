import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseJobsSql } from '../support/database-jobs.ts'
import { SQL_SERVERS, type SqlRow, useSqlInstance } from '../support/sql-instance.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'

type Run = (text: string, values?: unknown[]) => Promise<SqlRow[]>

/** What a caller can tell apart: ids are drawn from different sequences, and times are those of the run. */
function seen(rows: readonly SqlRow[]): unknown[] {
  const now = Date.now()
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => {
        if (value instanceof Date) return [name, `${Math.round((value.getTime() - now) / 5000) * 5} s from now`]
        if (['id', 'last_scheduled_id'].includes(name)) return [name, value === null ? null : 'an id']
        return [name, value]
      }),
    ),
  )
}

/** One row of the package's description each: the same statements give the same answers on both. */
const SCENARIOS: readonly (readonly [name: string, run: (sql: Run) => Promise<unknown[]>])[] = [
  [
    'add_job answers the row, with every default',
    async (sql) => seen(await sql(`select * from app_jobs.add_job('${A}', 'a')`)),
  ],
  [
    'add_job takes every parameter by its name',
    async (sql) =>
      seen(
        await sql(`select * from app_jobs.add_job(db_id := '${A}', identifier := 'a', payload := '{"n": [1, null]}'::json,
          job_key := 'k', queue_name := 'q', run_at := now() + interval '1 hour', max_attempts := 3, priority := -4)`),
      ),
  ],
  [
    'a keyed add resets attempts, error, time, queue and the rest of a job that waits',
    async (sql) => {
      await sql(`select app_jobs.add_job('${A}', 'a', '{}', 'k', 'q', max_attempts := 4, priority := 2)`)
      await sql(`select app_jobs.fail_job('wkr-1', id, 'no') from app_jobs.get_job('wkr-1')`)
      const changed = await sql(
        `select * from app_jobs.add_job('${A}', 'b', '{"v": 2}', 'k', run_at := now() + interval '2 hours')`,
      )
      return [...seen(changed), ...seen(await sql('select * from app_jobs.jobs'))]
    },
  ],
  [
    'get_job locks the first by priority, time and id, of the tasks asked for, and counts the attempt',
    async (sql) => {
      await sql(`select app_jobs.add_job('${A}', 'late', run_at := now() + interval '1 hour')`)
      await sql(`select app_jobs.add_job('${A}', 'low', priority := 5)`)
      await sql(`select app_jobs.add_job('${A}', 'second')`)
      await sql(`select app_jobs.add_job('${A}', 'third')`)
      await sql(`select app_jobs.add_job('${A}', 'first', priority := -1)`)
      const rows = []
      for (const call of [
        `get_job('wkr-1')`,
        `get_job('wkr-2', array['third', 'low'])`,
        `get_job(worker_id := 'wkr-3', task_identifiers := null, job_expiry := '10 minutes')`,
        `get_job('wkr-4', '{}')`,
        `get_job('wkr-1')`,
        `get_job('wkr-1')`,
      ]) {
        rows.push(...seen(await sql(`select * from app_jobs.${call}`)))
      }
      return rows
    },
  ],
  [
    'a queue gives one job at a time, whoever asks, and the next when it is done',
    async (sql) => {
      for (const name of ['a', 'b', 'c']) await sql(`select app_jobs.add_job('${A}', '${name}', queue_name := 'q')`)
      await sql(`select app_jobs.add_job('${A}', 'free', priority := 1)`)
      const got = async (worker: string): Promise<unknown> =>
        (await sql(`select task_identifier, id from app_jobs.get_job('${worker}')`))[0]
      const names: unknown[] = []
      const first = (await got('wkr-1')) as SqlRow
      names.push(first['task_identifier'], (await got('wkr-2')) as SqlRow)
      names.push(...seen(await sql('select queue_name, job_count, locked_at, locked_by from app_jobs.job_queues')))
      names.push(...seen(await sql(`select * from app_jobs.complete_job('wkr-1', $1)`, [first['id']])))
      names.push(((await got('wkr-3')) as SqlRow)['task_identifier'])
      return names.map((one) => (typeof one === 'object' && one !== null ? { ...one, id: undefined } : one))
    },
  ],
  [
    'complete_job answers the row that was, once; fail_job only that of the worker that holds it',
    async (sql) => {
      await sql(`select app_jobs.add_job('${A}', 'a'), app_jobs.add_job('${A}', 'b')`)
      const [a] = await sql(`select id from app_jobs.get_job('wkr-1')`)
      const [b] = await sql(`select id from app_jobs.get_job('wkr-1')`)
      const rows = [
        await sql(`select * from app_jobs.fail_job('wkr-2', $1, 'not mine')`, [a?.['id']]),
        await sql(`select * from app_jobs.fail_job(worker_id := 'wkr-1', job_id := $1, error_message := 'mine')`, [
          a?.['id'],
        ]),
        await sql(`select * from app_jobs.complete_job(worker_id := 'wkr-1', job_id := $1)`, [b?.['id']]),
        await sql(`select * from app_jobs.complete_job('wkr-1', $1)`, [b?.['id']]),
        await sql('select * from app_jobs.jobs'),
      ]
      return rows.flatMap((one) => seen(one))
    },
  ],
  [
    'complete_jobs, permanently_fail_jobs and reschedule_jobs change what is not locked and answer it',
    async (sql) => {
      for (const name of ['a', 'b', 'c', 'd'])
        await sql(`select app_jobs.add_job('${A}', '${name}', max_attempts := 5)`)
      await sql(`select app_jobs.get_job('wkr-1')`)
      const ids = '(select array_agg(id) from app_jobs.jobs where task_identifier = any ($1))'
      const rows = [
        await sql(`select * from app_jobs.complete_jobs(${ids})`, [['a', 'b']]),
        await sql(`select * from app_jobs.permanently_fail_jobs(${ids})`, [['a', 'c']]),
        await sql(`select * from app_jobs.permanently_fail_jobs(${ids}, 'by hand')`, [['c']]),
        await sql(
          `select * from app_jobs.reschedule_jobs(job_ids := ${ids}, run_at := now() + interval '1 hour',
          priority := 9, attempts := 2, max_attempts := 7)`,
          [['a', 'd']],
        ),
        await sql(`select * from app_jobs.reschedule_jobs(${ids}, priority := 1)`, [['d']]),
        await sql('select * from app_jobs.jobs order by task_identifier'),
      ]
      return rows.flatMap((one) => seen(one))
    },
  ],
  [
    'what fails for good stays, locked by nobody and given to nobody',
    async (sql) => {
      await sql(`select app_jobs.add_job('${A}', 'a', max_attempts := 1)`)
      const failed = await sql(`select f.* from app_jobs.get_job('wkr-1') g, app_jobs.fail_job('wkr-1', g.id, 'out') f`)
      const rest = (rows: readonly SqlRow[]): unknown[] =>
        seen(rows).map((row) => ({ ...(row as SqlRow), run_at: undefined, updated_at: undefined }))
      return [
        ...rest(failed),
        ...seen(await sql(`select * from app_jobs.get_job('wkr-1')`)),
        ...rest(await sql('select * from app_jobs.jobs')),
      ]
    },
  ],
  [
    'release_jobs unlocks the jobs and queues of a worker, and no other',
    async (sql) => {
      await sql(`select app_jobs.add_job('${A}', 'a', queue_name := 'q'), app_jobs.add_job('${A}', 'b', priority := 1)`)
      await sql(`select app_jobs.get_job('wkr-1')`)
      await sql(`select app_jobs.get_job('wkr-2')`)
      const answer = await sql(`select app_jobs.release_jobs(worker_id := 'wkr-1')`)
      return [
        ...answer,
        ...seen(await sql('select task_identifier, locked_at, locked_by from app_jobs.jobs order by task_identifier')),
        ...seen(await sql('select queue_name, job_count, locked_at, locked_by from app_jobs.job_queues')),
      ]
    },
  ],
  [
    'rows are inserted, changed and deleted by hand',
    async (sql) => {
      const inserted =
        await sql(`insert into app_jobs.jobs (database_id, queue_name, task_identifier, payload, priority, run_at,
        max_attempts, key) values ('${A}', 'q', 'a', '{"x": 1}', 3, now() + interval '1 hour', 7, 'k') returning *`)
      const changed = await sql(`update app_jobs.jobs set priority = 1, run_at = now(), payload = '[1]' returning *`)
      await sql(`delete from app_jobs.jobs`)
      return [
        ...seen(inserted),
        ...seen(changed),
        ...(await sql('select * from app_jobs.jobs')),
        ...(await sql('select queue_name from app_jobs.job_queues')),
      ]
    },
  ],
  [
    'add_scheduled_job answers the row, with every default but that of schedule_info',
    async (sql) => {
      const rows = [
        await sql(`select * from app_jobs.add_scheduled_job('${A}', 'beat', '{"n": 1}', '"*/5 * * * *"')`),
        await sql(`select * from app_jobs.add_scheduled_job(db_id := '${A}', identifier := 'beat', payload := '{}'::json,
          schedule_info := '{"rule": {"hour": 3}, "tz": "Europe/Berlin"}'::json, job_key := 'k', queue_name := 'q',
          max_attempts := 3, priority := 2)`),
        await sql(`select * from app_jobs.add_scheduled_job('${A}', 'other', '{}', '{"minute": 1}', 'k')`),
      ]
      return rows.flatMap((one) => seen(one))
    },
  ],
  [
    'get_scheduled_job locks one of the tasks asked for; release_scheduled_jobs unlocks all of a worker or some',
    async (sql) => {
      for (const [name, priority] of [
        ['a', 1],
        ['b', 0],
        ['c', 0],
      ] as const) {
        await sql(
          `select app_jobs.add_scheduled_job('${A}', '${name}', '{}', '{"minute": 1}', priority := ${priority})`,
        )
      }
      const rows = []
      for (const call of [
        `'sch-1'`,
        `'sch-1', array['a']`,
        `'sch-2', array['a']`,
        `worker_id := 'sch-2', task_identifiers := null`,
      ]) {
        rows.push(...seen(await sql(`select * from app_jobs.get_scheduled_job(${call})`)))
      }
      const locks = async (): Promise<SqlRow[]> =>
        sql('select task_identifier, locked_by from app_jobs.scheduled_jobs order by task_identifier')
      const [a] = await sql(`select id from app_jobs.scheduled_jobs where task_identifier = 'a'`)
      await sql(`select app_jobs.release_scheduled_jobs('sch-1', array[$1::bigint])`, [a?.['id']])
      rows.push(...(await locks()))
      await sql(`select app_jobs.release_scheduled_jobs(worker_id := 'sch-2', ids := null)`)
      return [...rows, ...(await locks())]
    },
  ],
  [
    'run_scheduled_job copies the schedule into a job, once while that lives; an unknown one gives nulls',
    async (sql) => {
      const [row] = await sql(
        `select id from app_jobs.add_scheduled_job('${A}', 'beat', '{"n": 1}', '{"minute": 1}', null, 'q', 3, 2)`,
      )
      const run = (expiry: string): Promise<SqlRow[]> =>
        sql(`select * from app_jobs.run_scheduled_job($1::bigint, ${expiry})`, [row?.['id']])
      const refused = async (expiry: string): Promise<unknown> => run(expiry).catch((error: unknown) => String(error))
      const rows = [...seen(await run(`interval '1 hour'`)), await refused(`interval '1 hour'`)]
      await sql(`select app_jobs.get_job('wkr-1')`)
      rows.push(await refused(`interval '1 hour'`))
      rows.push(...seen(await sql('select * from app_jobs.scheduled_jobs')))
      await sql(`select app_jobs.complete_job('wkr-1', id) from app_jobs.jobs`)
      rows.push(
        ...seen(await run(`interval '1 hour'`)),
        ...seen(await sql('select * from app_jobs.run_scheduled_job(-1::bigint)')),
      )
      return rows
    },
  ],
  [
    'the calls of @constructive-io/job-utils, as it writes them',
    async (sql) => {
      await sql(`select app_jobs.add_job('${A}', 'a'), app_jobs.add_job('${A}', 'b')`)
      const jobs = []
      for (let at = 0; at < 3; at++) {
        jobs.push(...(await sql(`SELECT * FROM "app_jobs".get_job($1, $2::text[]);`, ['worker-0', ['a', 'b']])))
      }
      await sql(`SELECT * FROM "app_jobs".complete_job($1, $2);`, ['worker-0', jobs[0]?.['id']])
      await sql(`SELECT * FROM "app_jobs".fail_job($1, $2, $3);`, ['worker-0', jobs[1]?.['id'], 'boom'])
      await sql(`SELECT "app_jobs".release_jobs($1);`, ['worker-0'])
      await sql(
        `insert into app_jobs.scheduled_jobs (database_id, task_identifier, schedule_info, queue_name) values ('${A}', 's', '"* * * * *"', null)`,
      )
      const scheduled = await sql(`SELECT * FROM "app_jobs".get_scheduled_job($1, $2::text[]);`, ['scheduler-0', ['s']])
      const run = await sql(`SELECT * FROM "app_jobs".run_scheduled_job($1);`, [scheduled[0]?.['id']])
      const again = await sql(`SELECT * FROM "app_jobs".run_scheduled_job($1);`, [scheduled[0]?.['id']]).catch(
        (error: unknown) => (error as Error).message,
      )
      await sql(`SELECT "app_jobs".release_scheduled_jobs($1, $2::bigint[]);`, ['scheduler-0', null])
      return [
        ...seen(jobs),
        ...seen(scheduled),
        ...seen(run),
        again,
        ...seen(await sql(`select * from app_jobs.scheduled_jobs`)),
        ...seen(await sql(`select * from app_jobs.jobs order by task_identifier`)),
      ]
    },
  ],
  [
    'the triggers for rows answer what the statement expects of them',
    async (sql) => {
      await sql(`create table public.things (id int, name text, price numeric);
        create trigger a after insert or update or delete on public.things for each row execute function app_jobs.tg_add_job_with_row_id('by_id');
        create trigger b before insert or update or delete on public.things for each row execute function app_jobs.tg_add_job_with_row('by_row');
        create trigger c after insert or update or delete on public.things for each row
          execute function app_jobs.trigger_job_with_fields('by_fields', 'name')`)
      const rows = [
        await sql(`insert into public.things values (1, 'x', 2.5) returning *`),
        await sql(`update public.things set name = 'y' returning *`),
        await sql(`delete from public.things returning *`),
        await sql(
          'select task_identifier, payload::text::jsonb as payload, database_id from app_jobs.jobs order by task_identifier, payload::text::jsonb',
        ),
      ]
      await sql('drop table public.things')
      return rows.flat()
    },
  ],
]

describe.each(SQL_SERVERS)('app_jobs beside @pgpm/database-jobs on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_app_original_${version}`, {
      config: { with: ['app_jobs'] },
      also: ['app_jobs'],
    })
    const name = `sql_database_jobs_${version}`
    let original: pg.Client

    beforeAll(async () => {
      await db.sql(`drop database if exists ${name} with (force)`)
      await db.sql(`create database ${name}`)
      const address = new URL(url)
      address.pathname = `/${name}`
      original = new pg.Client({ connectionString: address.href })
      await original.connect()
      await original.query(databaseJobsSql())
      await db.sql(`set jwt.claims.database_id = '${A}'`)
    })
    afterAll(async () => {
      await original.end()
      await db.sql(`drop database ${name} with (force)`)
    })
    afterEach(async () => {
      await original.query('truncate app_jobs.jobs, app_jobs.job_queues, app_jobs.scheduled_jobs')
      await db.check()
    })

    it.each(SCENARIOS)('%s', async (_, scenario) => {
      const theirs = await scenario(async (text, values) => (await original.query<SqlRow>(text, values)).rows)
      expect(await scenario((text, values) => db.sql(text, values))).toEqual(theirs)
    })

    it('every column is there under its name, with its type and in its place', async () => {
      const columns = `select a.attrelid::regclass::text as of, a.attname, format_type(a.atttypid, a.atttypmod) as type
        from pg_attribute a where a.attrelid in ('app_jobs.jobs'::regclass, 'app_jobs.scheduled_jobs'::regclass, 'app_jobs.job_queues'::regclass)
          and a.attnum > 0 order by a.attrelid::regclass::text, a.attnum`
      const theirs = (await original.query<SqlRow>(columns)).rows
      // Ours has the queues of several databases apart.
      const ours = (await db.sql(columns)).filter(
        (one) => one['of'] !== 'app_jobs.job_queues' || one['attname'] !== 'database_id',
      )
      expect(ours).toEqual(theirs)
    })

    it('every function is there under its name, with its parameters, their defaults and its result', async () => {
      const functions = `select p.proname, pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result
        from pg_proc p where p.pronamespace = 'app_jobs'::regnamespace order by 1, 2`
      const theirs = (await original.query<SqlRow>(functions)).rows.filter(
        // The triggers that kept the queues' counts and sent the notifications: what they did is done without them.
        ({ proname }) => !/^(tg_(increase|decrease|update)|do_notify)/.test(String(proname)),
      )
      const expected = theirs.map((one) => {
        if (one['proname'] === 'fail_job')
          return { ...one, arguments: `${String(one['arguments'])} DEFAULT NULL::text` }
        // Its documentation's name of the parameter; that of its SQL is there beside it.
        if (one['proname'] === 'run_scheduled_job')
          return { ...one, arguments: `scheduled_job_${String(one['arguments'])}` }
        return one
      })
      expect(await db.sql(functions)).toEqual(expect.arrayContaining(expected))
    })

    it.each([
      ['5', 'a number'],
      ['5::bigint', 'a bigint'],
      [`'5'`, 'a text without a type'],
    ])('run_scheduled_job takes %s under both names and without one', async (id) => {
      for (const call of [
        `(${id})`,
        `(id := ${id})`,
        `(scheduled_job_id := ${id})`,
        `(id := ${id}, job_expiry := '1 minute')`,
      ]) {
        expect(await db.sql(`select id from app_jobs.run_scheduled_job${call}`)).toEqual([{ id: null }])
      }
    })

    it.each([
      ['no task', `add_job('${A}', null)`],
      ['no database', `add_job(null, 'a')`],
      ['no attempts', `add_job('${A}', 'a', max_attempts := 0)`],
      ['no worker', 'get_job(null)'],
      ['no scheduler', 'get_scheduled_job(null)'],
    ])('refuses what the package refuses: %s', async (_, call) => {
      await expect(original.query(`select app_jobs.${call}`)).rejects.toThrow(/./)
      await expect(db.sql(`select app_jobs.${call}`)).rejects.toThrow(/./)
    })
  })
})

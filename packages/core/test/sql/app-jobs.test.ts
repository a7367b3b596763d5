import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { appJobsSql } from '../../src/sql/index.ts'
import { poll } from '../support/poll.ts'
import { SQL_SERVERS, type SqlRow, useSqlInstance } from '../support/sql-instance.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'
const statements = readFileSync(new URL('../fixtures/database-jobs-readme.sql', import.meta.url), 'utf8')
  .split(/^-- \*\*\n/m)
  .map((text) => text.trim())

describe.each(SQL_SERVERS)('app_jobs on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_app_jobs_${version}`, { config: { with: ['app_jobs'] }, also: ['app_jobs'] })
    afterEach(() => db.check())

    const add = async (rest = '', tenant = A): Promise<SqlRow> => {
      const [job] = await db.sql(`select * from app_jobs.add_job('${tenant}', 'task'${rest})`)
      if (job === undefined) throw new Error('a job was added')
      return job
    }
    const get = async (worker = 'worker-1', rest = ''): Promise<SqlRow> => {
      const rows = await db.sql(`select * from app_jobs.get_job('${worker}'${rest})`)
      expect(rows).toHaveLength(1)
      return rows[0] ?? {}
    }
    const rows = (): Promise<SqlRow[]> => db.sql('select * from app_jobs.jobs order by id')
    const due = (): Promise<unknown> =>
      db.sql('update :schema.jobs set due_at = clock_timestamp() where due_at is not null')

    it('runs every statement about jobs of the README as it is', async () => {
      expect(statements.length).toBeGreaterThan(5)
      for (const statement of statements) await db.sql(statement)
      const left = await rows()
      expect(left.map(({ task_identifier, attempts, last_error }) => [task_identifier, attempts, last_error])).toEqual([
        ['generate_report', 0, null],
        ['daily_summary', 0, null],
      ])
    })

    it('has the functions of the package, with its names, types and defaults', async () => {
      const found =
        await db.sql(`select p.proname || '(' || pg_get_function_arguments(p.oid) || ') ' || pg_get_function_result(p.oid) f
        from pg_proc p where pronamespace = 'app_jobs'::regnamespace and p.prosecdef and prorettype <> 'trigger'::regtype order by 1`)
      expect(found.map(({ f }) => String(f).replaceAll('timestamp with time zone', 'timestamptz'))).toEqual(
        expect.arrayContaining([
          `add_job(db_id uuid, identifier text, payload json DEFAULT '{}'::json, job_key text DEFAULT NULL::text, queue_name text DEFAULT NULL::text, run_at timestamptz DEFAULT now(), max_attempts integer DEFAULT 25, priority integer DEFAULT 0) app_jobs.jobs`,
          `complete_job(worker_id text, job_id bigint) app_jobs.jobs`,
          `complete_jobs(job_ids bigint[]) SETOF app_jobs.jobs`,
          `fail_job(worker_id text, job_id bigint, error_message text DEFAULT NULL::text) app_jobs.jobs`,
          `get_job(worker_id text, task_identifiers text[] DEFAULT NULL::text[], job_expiry interval DEFAULT '04:00:00'::interval) app_jobs.jobs`,
          `json_build_object_apply(arguments text[]) json`,
          `permanently_fail_jobs(job_ids bigint[], error_message text DEFAULT NULL::text) SETOF app_jobs.jobs`,
          `release_jobs(worker_id text) void`,
          `reschedule_jobs(job_ids bigint[], run_at timestamptz DEFAULT NULL::timestamptz, priority integer DEFAULT NULL::integer, attempts integer DEFAULT NULL::integer, max_attempts integer DEFAULT NULL::integer) SETOF app_jobs.jobs`,
        ]),
      )
    })

    it('has the columns of the package, in order', async () => {
      const columns = async (view: string): Promise<unknown> =>
        (
          await db.sql(`select attname from pg_attribute where attrelid = 'app_jobs.${view}'::regclass order by attnum`)
        ).map(({ attname }) => attname)
      expect(await columns('jobs')).toEqual([
        'id',
        'database_id',
        'queue_name',
        'task_identifier',
        'payload',
        'priority',
        'run_at',
        'attempts',
        'max_attempts',
        'key',
        'last_error',
        'locked_at',
        'locked_by',
        'created_at',
        'updated_at',
      ])
      expect(await columns('job_queues')).toEqual(['queue_name', 'job_count', 'locked_at', 'locked_by', 'database_id'])
    })

    it('takes the lower priority number first, then the older, of the tasks asked for', async () => {
      await add(', priority := 5')
      await add(', priority := -2147483648')
      await add()
      await db.sql(`select app_jobs.add_job('${A}', 'other', priority := -1)`)
      const seen = []
      for (let at = 0; at < 3; at++) seen.push((await get('w', `, '{task}'`))['priority'])
      expect(seen).toEqual([-2147483647, 0, 5])
      expect((await get('w', `, '{task}'`))['id']).toBeNull()
      expect((await get())['task_identifier']).toBe('other')
      await expect(db.sql('select app_jobs.get_job(null)')).rejects.toThrow('INVALID_WORKER_ID')
    })

    it('a failure is retried after e^attempts seconds, at most e^10, until the attempts are used up', async () => {
      const { id } = await add(', max_attempts := 12')
      const waits: number[] = []
      for (let attempt = 1; attempt <= 12; attempt++) {
        expect((await get())['attempts']).toBe(attempt)
        const [failed] = await db.sql(
          `select *, round(extract(epoch from run_at - now())) s from app_jobs.fail_job('worker-1', $1, 'no ' || $2::text)`,
          [id, attempt],
        )
        expect(failed).toMatchObject({
          last_error: `no ${attempt}`,
          locked_by: null,
          locked_at: null,
          attempts: attempt,
        })
        waits.push(Number(failed?.['s']))
        await due()
      }
      waits.slice(0, 11).forEach((wait, at) => expect(Math.abs(wait - Math.exp(Math.min(at + 1, 10)))).toBeLessThan(2))
      expect((await get())['id']).toBeNull()
      expect(await rows()).toMatchObject([{ id, attempts: 12, max_attempts: 12, last_error: 'no 12' }])
    })

    it('a key updates the job that has it, whatever its attempts, and starts it anew', async () => {
      const first = await add(`, '{"a": 1}', job_key := 'k', priority := 3`)
      await get()
      await db.sql(`select app_jobs.fail_job('worker-1', $1, 'x')`, [first['id']])
      const again = await add(`, '{"a": 2}', job_key := 'k', max_attempts := 2, queue_name := 'q'`)
      expect(again).toMatchObject({
        id: first['id'],
        payload: { a: 2 },
        attempts: 0,
        last_error: null,
        priority: 0,
        max_attempts: 2,
        queue_name: 'q',
        key: 'k',
      })
      await db.sql('select app_jobs.permanently_fail_jobs(array[$1::bigint])', [first['id']])
      expect(await add(`, job_key := 'k'`)).toMatchObject({ id: first['id'], attempts: 0, payload: {} })
      expect(await rows()).toHaveLength(1)
    })

    it('ends, fails and reschedules jobs by hand, those that run excepted', async () => {
      const ids = [
        (await add(`, queue_name := 'q'`))['id'],
        (await add(`, queue_name := 'q'`))['id'],
        (await add())['id'],
      ]
      const running = (await get())['id']
      expect(ids).toContain(running)
      const free = ids.filter((id) => id !== running)
      const by = async (call: string): Promise<unknown[]> =>
        (await db.sql(`select * from app_jobs.${call}`, [ids])).map(({ id }) => id)
      expect(await by(`permanently_fail_jobs($1, 'enough')`)).toEqual(free)
      expect((await rows()).filter(({ last_error }) => last_error === 'enough')).toHaveLength(2)
      expect(await by(`reschedule_jobs($1, run_at := now() + interval '1 day')`)).toEqual(free)
      expect(await db.value('select count(*) from :schema.failed_jobs')).toBe('2')
      expect(
        await by(`reschedule_jobs($1, now() + interval '1 day', priority := 7, attempts := 1, max_attempts := 9)`),
      ).toEqual(free)
      expect(
        (await rows()).filter(
          ({ priority, attempts, max_attempts }) => priority === 7 && attempts === 1 && max_attempts === 9,
        ),
      ).toHaveLength(2)
      expect(await by('complete_jobs($1)')).toEqual(free)
      expect((await rows()).map(({ id }) => id)).toEqual([running])
    })

    it('is written like a table', async () => {
      const [job] = await db.sql(
        `insert into app_jobs.jobs (database_id, task_identifier, key) values ('${A}', 't', 'k') returning *`,
      )
      expect(job).toMatchObject({ payload: {}, priority: 0, attempts: 0, max_attempts: 25, key: 'k', locked_by: null })
      await expect(
        db.sql(`insert into app_jobs.jobs (database_id, task_identifier, key) values ('${A}', 't', 'k')`),
      ).rejects.toMatchObject({ code: '23505' })
      const [changed] = await db.sql(
        `update app_jobs.jobs set payload = '{"x": 1}', priority = 4, run_at = now() + interval '1 h', task_identifier = 'u',
        attempts = 2, max_attempts = 5 where id = $1 returning *`,
        [job?.['id']],
      )
      expect(changed).toMatchObject({
        payload: { x: 1 },
        priority: 4,
        task_identifier: 'u',
        attempts: 2,
        max_attempts: 5,
      })
      await expect(db.sql(`update app_jobs.jobs set locked_by = 'me'`)).rejects.toThrow('locked by get_job')
      await db.sql('update app_jobs.jobs set run_at = now()')
      await get()
      await expect(db.sql(`update app_jobs.jobs set priority = 1`)).rejects.toMatchObject({ code: '55006' })
      await db.sql('update app_jobs.jobs set locked_by = null, locked_at = null')
      expect(await get('w2')).toMatchObject({ id: job?.['id'], attempts: 4 })
      await db.sql('delete from app_jobs.jobs')
      expect(await rows()).toEqual([])
      expect(await db.sql(`select * from app_jobs.complete_job('w2', $1)`, [job?.['id']])).toMatchObject([{ id: null }])
    })

    it('one job of a queue runs at a time; the queue is there while it has jobs, and its lock can be taken away', async () => {
      const first = await add(`, queue_name := 'q'`)
      await add(`, queue_name := 'q'`)
      expect((await get())['id']).toBe(first['id'])
      expect((await get())['id']).toBeNull()
      expect(await db.sql('select * from app_jobs.job_queues')).toMatchObject([
        { queue_name: 'q', job_count: 2, locked_by: 'worker-1', database_id: A },
      ])
      await db.sql(`update app_jobs.job_queues set locked_by = null, locked_at = null`)
      expect(await get()).toMatchObject({ id: first['id'], attempts: 2 })
      await expect(db.sql('delete from app_jobs.job_queues')).rejects.toMatchObject({ code: '0A000' })
    })

    it('notifies once in each transaction that adds jobs', async () => {
      const heard: string[] = []
      const { Client } = (await import('pg')).default
      const listener = new Client({ connectionString: db.url() })
      await listener.connect()
      try {
        listener.on('notification', ({ channel, payload }) => heard.push(`${channel} ${payload}`))
        await listener.query('listen "jobs:insert"')
        await db.sql(
          `begin; select app_jobs.add_job('${A}', 't'); select app_jobs.add_job('${A}', 't', job_key := 'k'); commit`,
        )
        await db.sql(`select app_jobs.add_job('${A}', 't', job_key := 'k')`)
        await db.sql(`insert into app_jobs.jobs (database_id, task_identifier) values ('${A}', 't')`)
        await poll(() => heard.length >= 2)
        expect(heard).toEqual(['jobs:insert ', 'jobs:insert '])
      } finally {
        await listener.end()
      }
    })

    it('adds jobs for rows, for the database that the session names, with values as they are', async () => {
      await db.sql(`create table :schema.things (id int, "na'me" text, price numeric);
        create trigger a after insert on :schema.things for each row execute function app_jobs.tg_add_job_with_row_id('by_id');
        create trigger b after delete on :schema.things for each row execute function app_jobs.tg_add_job_with_row('by_row');
        create trigger c after update on :schema.things for each row execute function app_jobs.trigger_job_with_fields('by_fields', 'na''me', 'price');
        set jwt.claims.database_id = '${A}'`)
      await db.sql(`insert into :schema.things values (1, 'O''Brien'' || pg_sleep(9) || ''', null)`)
      await db.sql(`update :schema.things set price = 2.5; delete from :schema.things`)
      const name = `O'Brien' || pg_sleep(9) || '`
      expect(await rows()).toMatchObject([
        { task_identifier: 'by_id', payload: { id: 1 }, database_id: A },
        { task_identifier: 'by_fields', payload: { "na'me": name, price: 2.5 } },
        { task_identifier: 'by_row', payload: { id: 1, "na'me": name, price: 2.5 } },
      ])
      await db.sql(`reset jwt.claims.database_id`)
      await expect(db.sql(`insert into :schema.things values (2)`)).rejects.toMatchObject({ code: '23502' })
      await db.sql(`drop table :schema.things`)
      expect(
        await db.value(`select app_jobs.json_build_object_apply(array['a', $1, 'b', null])::jsonb`, [name]),
      ).toEqual({ a: name, b: null })
    })

    it('a processor works these jobs like any other, and its jobs are not theirs', async () => {
      const { id } = await add(`, '{"n": 1}', job_key := 'k'`)
      await db.queue().addJob({ jobType: 'task', payload: 2 })
      expect((await get('w', `, '{task}'`))['id']).toBe(id)
      expect((await get('w'))['id']).toBeNull()
      await db.sql(`select app_jobs.fail_job('w', $1)`, [id])
      await due()
      const seen: unknown[] = []
      await db.sql('select :schema.promote(clock_timestamp())')
      const processor = db
        .queue()
        .createProcessor(
          { task: (payload, _, ctx) => void seen.push([payload, ctx.tenantId, ctx.attempt]) },
          { heartbeat: 'main' },
        )
      await processor.start()
      expect(seen).toEqual(
        expect.arrayContaining([
          [{ n: 1 }, A, 2],
          [2, null, 1],
        ]),
      )
      expect(await rows()).toEqual([])
      // The key of a job that is done is free, as it was when its row was gone.
      await db.sql(`insert into app_jobs.jobs (database_id, task_identifier, key) values ('${A}', 'task', 'k')`)
      expect(await rows()).toHaveLength(1)
    })

    it('is installed as plain SQL, again and again, and not under a name that is none', async () => {
      await db.sql(appJobsSql(db.schema))
      await db.sql(appJobsSql(db.schema))
      await add()
      expect(() => appJobsSql('x"; drop')).toThrow('schema')
    })

    it('is not installed over the tables of the package, nor for two instances', async () => {
      const { initJobQueue } = await import('../../src/index.ts')
      const other = initJobQueue({
        databaseConfig: { connectionString: db.url(), max: 1 },
        schema: `other_${version}`,
        with: ['app_jobs'],
      })
      await expect(other.ready()).rejects.toThrow('belongs to another instance')
      await other.close()
      await db.sql(`drop schema if exists other_${version} cascade`)
    })
  })
})

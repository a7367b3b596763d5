import { afterEach, describe, expect, it } from 'vitest'
import { poll } from '../support/poll.ts'
import { SQL_SERVERS, type SqlRow, useSqlInstance } from '../support/sql-instance.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'
const B = '00000000-0000-4000-8000-00000000000b'

describe.each(SQL_SERVERS)('app_jobs without the faults of the original, on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_app_faults_${version}`, { config: { with: ['app_jobs'] }, also: ['app_jobs'] })
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
    const expire = async (): Promise<void> => {
      await db.sql(`update :schema.sql_leases set lease_until = clock_timestamp() - interval '1 s'`)
      await db.sql(`update :schema.jobs j set lease_until = l.lease_until from :schema.sql_leases l
        where l.job_id = j.id and l.token = j.token`)
    }
    /** The id of a schedule that does not fire by itself while a test runs. */
    const schedule = async (rest = '', info = `'"0 0 1 1 *"'`): Promise<unknown> =>
      db.value(`select id from app_jobs.add_scheduled_job('${A}', 'beat', '{}', ${info}${rest && `, ${rest}`})`)
    const run = async (id: unknown): Promise<SqlRow> =>
      (await db.sql('select * from app_jobs.run_scheduled_job($1)', [id]))[0] ?? {}
    const due = (): Promise<unknown> =>
      db.sql('update :schema.jobs set due_at = clock_timestamp() where due_at is not null')

    it('1: only the worker that holds a job can complete or fail it', async () => {
      const { id } = await add()
      await get('worker-1')
      await expire()
      await get('worker-2')
      for (const call of ['complete_job', 'fail_job']) {
        expect(await db.sql(`select * from app_jobs.${call}('worker-1', $1)`, [id])).toMatchObject([{ id: null }])
      }
      expect(await rows()).toMatchObject([{ id, locked_by: 'worker-2' }])
      expect(await db.sql(`select * from app_jobs.complete_job('worker-2', $1)`, [id])).toMatchObject([{ id }])
    })

    it('2: a failure without a message is recorded, with the argument or without', async () => {
      const { id } = await add()
      for (const call of [`fail_job('worker-1', $1, null)`, `fail_job('worker-1', $1)`]) {
        await get()
        expect(await db.sql(`select * from app_jobs.${call}`, [id])).toMatchObject([
          { locked_by: null, last_error: 'The worker gave no message.' },
        ])
        await due()
      }
    })

    it('3: a last attempt that crashes ends as failed', async () => {
      const { id } = await add(', max_attempts := 1')
      await get()
      await expire()
      expect((await get())['id']).toBeNull()
      expect(await rows()).toMatchObject([
        { id, locked_by: null, attempts: 1, last_error: expect.stringContaining('died') },
      ])
    })

    it('4: a job that kills its worker runs as often as it may, however often its worker releases it at its start', async () => {
      await add(', max_attempts := 2')
      let runs = 0
      for (let start = 0; start < 6; start++) {
        await db.sql(`select app_jobs.release_jobs('worker-0')`)
        if ((await get('worker-0'))['id'] !== null) runs++
      }
      expect(runs).toBe(2)
    })

    it('5: what starts under the id of a running processor takes nothing from it, and its job does not run twice', async () => {
      const { id } = await add()
      let end: () => void = () => undefined
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      const processor = db
        .queue()
        .createProcessor({ task: () => ended }, { workerId: 'worker-0', heartbeat: 'main', pollInterval: 100 })
      processor.startInBackground()
      await poll(async () => (await rows())[0]?.['locked_by'] === 'worker-0')
      // What a worker of the package does first, as worker-0 unless told otherwise.
      await db.sql(`select app_jobs.release_jobs('worker-0')`)
      expect((await get('worker-0'))['id']).toBeNull()
      for (const call of ['complete_job', 'fail_job']) {
        expect(await db.sql(`select * from app_jobs.${call}('worker-0', $1)`, [id])).toMatchObject([{ id: null }])
      }
      expect(await rows()).toMatchObject([{ id, locked_by: 'worker-0', attempts: 1 }])
      end()
      await processor.stopAndDrain()
      expect(await rows()).toEqual([])
    })

    it('6: a key is kept when its job runs: the next add makes one job, further adds change that one', async () => {
      const first = await add(`, job_key := 'k', max_attempts := 5`)
      await get()
      const second = await add(`, '{"v": 2}', job_key := 'k'`)
      const third = await add(`, '{"v": 3}', job_key := 'k'`)
      expect(second['id']).not.toBe(first['id'])
      expect(third).toMatchObject({ id: second['id'], key: 'k', payload: { v: 3 } })
      // The one that runs keeps its retries.
      expect(await rows()).toMatchObject([
        { id: first['id'], attempts: 1, max_attempts: 5, key: null },
        { id: second['id'] },
      ])
    })

    it('8: a key belongs to one tenant', async () => {
      const a = await add(`, '{"of": "a"}', job_key := 'k'`)
      const b = await add(`, '{"of": "b"}', job_key := 'k'`, B)
      expect(await rows()).toMatchObject([
        { id: a['id'], database_id: A, payload: { of: 'a' } },
        { id: b['id'], database_id: B, payload: { of: 'b' } },
      ])
    })

    it('7: a key changes the one schedule that has it, taken by a scheduler or not', async () => {
      const put = (info: string): Promise<unknown> =>
        db.value(`select id from app_jobs.add_scheduled_job('${A}', 'beat', '{}', $1, 'k')`, [info])
      const id = await put('"* * * * *"')
      await db.sql(`select app_jobs.get_scheduled_job('scheduler-0')`)
      expect([await put('"*/2 * * * *"'), await put('"*/3 * * * *"')]).toEqual([id, id])
      expect(await db.sql('select id, key, schedule_info from app_jobs.scheduled_jobs')).toEqual([
        { id, key: 'k', schedule_info: '*/3 * * * *' },
      ])
    })

    it('9: a run that failed for good does not stop its schedule', async () => {
      const id = await schedule('max_attempts := 1')
      await run(id)
      await db.sql(`select app_jobs.fail_job('worker-1', g.id) from app_jobs.get_job('worker-1') g`)
      expect((await run(id))['id']).not.toBeNull()
    })

    it('10: a keyed schedule whose last run takes longer than its hour runs again', async () => {
      const id = await schedule(`job_key := 'k'`)
      const first = await run(id)
      await get()
      await expect(run(id)).rejects.toThrow('ALREADY_SCHEDULED')
      await db.sql(`update :schema.jobs set claimed_at = claimed_at - interval '61 minutes' where lane = 'x'`)
      expect((await run(id))['id']).not.toBe(first['id'])
    })

    it('11: of runs asked for at once one is made', async () => {
      const id = await schedule()
      const sessions = await Promise.all(Array.from({ length: 6 }, () => db.session()))
      const answers = await Promise.allSettled(
        sessions.map((one) => one.sql(`select id from app_jobs.run_scheduled_job($1)`, [id])),
      )
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await rows()).toHaveLength(1)
    })

    it('12: a schedule that a dead scheduler had taken is fired all the same, the ticks it missed made up by one', async () => {
      const id = await schedule('', `'"* * * * * *"'`)
      await db.sql(`select app_jobs.get_scheduled_job('scheduler-0')`)
      // Nobody has fired it for a day.
      await db.sql(`update :schema.schedules set next_run_at = date_trunc('second', next_run_at) - interval '1 day'`)
      await db.sql('delete from :schema.schedule_ticks')
      const supervisor = db.queue().createSupervisor()
      supervisor.startInBackground()
      await poll(async () => (await rows()).length > 0)
      await supervisor.stopAndDrain()
      expect(await rows()).toMatchObject([{ task_identifier: 'beat' }])
      expect(await db.sql('select last_scheduled_id from app_jobs.scheduled_jobs where id = $1', [id])).toMatchObject([
        { last_scheduled_id: (await rows())[0]?.['id'] },
      ])
      const late = await db.value("select next_run_at > now() - interval '1 minute' from :schema.schedules")
      expect(late).toBe(true)
    })

    it.each([`'{"rule":"nonsense"}'`, `'{}'`])('13: schedule_info %s is refused', (info) =>
      expect(schedule('', info)).rejects.toMatchObject({ code: '22023' }),
    )

    it('14: nulls mean the default, keyed or not, and worker ids may be short', async () => {
      for (const key of ['', `, job_key := 'k'`]) {
        expect(
          await add(`, payload := null, run_at := null, max_attempts := null, priority := null${key}`),
        ).toMatchObject({
          payload: {},
          max_attempts: 25,
          priority: 0,
        })
      }
      expect((await get('w'))['id']).not.toBeNull()
    })

    it('15: a job without a queue has none, however it was added', async () => {
      await add()
      await db.sql(`insert into app_jobs.jobs (database_id, task_identifier) values ('${A}', 'task')`)
      await schedule().then(run)
      expect((await rows()).map((one) => one['queue_name'])).toEqual([null, null, null])
      expect(await db.sql('select * from app_jobs.job_queues')).toEqual([])
      // So that they run at once.
      expect([await get('w1'), await get('w2'), await get('w3')].map((one) => one['id'])).not.toContain(null)
    })

    it('16, 17: an open transaction that added to a queue holds up nobody, and two cannot deadlock', async () => {
      const open = await db.session()
      const other = await db.session()
      await db.sql(`select app_jobs.add_job('${A}', 'task', queue_name := 'q')`)
      await open.sql(`set statement_timeout = '5s'; begin; select app_jobs.add_job('${A}', 'task', queue_name := 'q')`)
      await other.sql(
        `set statement_timeout = '5s'; begin; select app_jobs.add_job('${A}', 'task', queue_name := 'q2')`,
      )
      await db.sql(`set statement_timeout = '5s'`)
      await add(`, queue_name := 'q'`)
      const { id } = await get()
      expect(id).not.toBeNull()
      expect(await db.sql(`select * from app_jobs.complete_job('worker-1', $1)`, [id])).toMatchObject([{ id }])
      await open.sql(`select app_jobs.add_job('${A}', 'task', queue_name := 'q2')`)
      await other.sql(`select app_jobs.add_job('${A}', 'task', queue_name := 'q')`)
      await Promise.all([open.sql('commit'), other.sql('commit')])
      await db.sql('reset statement_timeout')
      expect(await rows()).toHaveLength(5)
    })

    it('18: a worker of ours is woken when a job is added, when it is due again and when its queue is free', async () => {
      const started: unknown[] = []
      const processor = db.queue().createProcessor(
        {
          task: (payload, _, ctx) => {
            started.push([payload, ctx.attempt])
            if (payload === 'twice' && ctx.attempt === 1) throw new Error('again')
          },
        },
        // Far longer than the test: whatever starts was told, not found by looking.
        { heartbeat: 'main', pollInterval: 60_000, concurrency: 1 },
      )
      processor.startInBackground()
      await poll(async () => (await db.value('select count(*) from :schema.workers where sleeping')) === '1')
      await add(`, '"twice"', queue_name := 'q'`)
      await poll(() => started.length === 1)
      await add(`, '"next"', queue_name := 'q'`)
      await poll(() => started.length === 3, { within: 10_000 })
      expect(started).toEqual([
        ['twice', 1],
        ['next', 1],
        ['twice', 2],
      ])
      await processor.stopAndDrain()
    })

    it('19: one worker runs many at once and holds each for as long as it takes, whatever its first lease; a dead one is noticed by its own', async () => {
      const ids = [(await add())['id'], (await add())['id'], (await add())['id']]
      // The lease of each claim is its own: no call assumes four hours.
      await get('worker-1', `, job_expiry := '1 second'`)
      await get('worker-1', `, job_expiry := '1 day'`)
      await db.sql(`update :schema.sql_leases set lease_until = lease_until - interval '5 hours'`)
      await db.sql(`update :schema.jobs set lease_until = lease_until - interval '5 hours' where lane = 'x'`)
      const [first, second, third] = ids
      expect(await get('worker-2')).toMatchObject({ id: third })
      expect(await get('worker-2')).toMatchObject({ id: first, attempts: 2 })
      for (const call of ['complete_jobs', 'permanently_fail_jobs', 'reschedule_jobs']) {
        expect(await db.sql(`select * from app_jobs.${call}(array[$1::bigint])`, [second])).toEqual([])
      }
      // And a lease can be held on to.
      const token = await db.value('select token from :schema.jobs where id = $1', [second])
      expect(await db.sql(`select * from :schema.heartbeat_job($1, $2, '5 hours')`, [second, token])).toEqual([
        { is_held: true, is_cancelled: false },
      ])
    })

    it('20: a worker of ours starts nothing after it was told to stop, and ends', async () => {
      let end: () => void = () => undefined
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      const started: unknown[] = []
      const processor = db.queue().createProcessor(
        {
          task: async (payload) => {
            started.push(payload)
            await ended
          },
        },
        { heartbeat: 'main', pollInterval: 50, concurrency: 2 },
      )
      processor.startInBackground()
      await add(`, '1'`)
      await poll(() => started.length === 1)
      const stopped = processor.stopAndDrain()
      await add(`, '2'`)
      end()
      await stopped
      expect(started).toEqual([1])
      expect(await rows()).toMatchObject([{ payload: 2, attempts: 0, locked_by: null }])
      expect(await db.sql('select * from :schema.workers')).toEqual([])
    })

    it('21: values of a row are data, whatever they hold, and keep their type', async () => {
      await db.sql(`create table public.things (id int, name text);
        create trigger t after insert on public.things for each row execute function app_jobs.trigger_job_with_fields('task', 'id', 'name');
        set jwt.claims.database_id = '${A}'`)
      const hostile = `O'Brien'), (select current_user)), ('`
      try {
        await db.sql('insert into public.things values (1, $1), (2, null)', [hostile])
        expect((await rows()).map((one) => one['payload'])).toEqual([
          { id: 1, name: hostile },
          { id: 2, name: null },
        ])
      } finally {
        await db.sql('drop table public.things; reset jwt.claims.database_id')
      }
    })

    it('22: nobody may call or read anything without a grant, and no search path reaches the owner', async () => {
      const role = await db.role('app')
      await db.sql(`grant usage on schema app_jobs to ${role}`)
      const app = await db.session(role)
      const functions = await db.sql(
        `select p.oid::regprocedure::text f from pg_proc p where pronamespace = 'app_jobs'::regnamespace
          and has_function_privilege($1, p.oid, 'execute')`,
        [role],
      )
      expect(functions).toEqual([])
      await expect(app.sql('select * from app_jobs.jobs')).rejects.toThrow('permission denied')
      await db.sql(`grant execute on function app_jobs.add_job to ${role}; select :schema.allow_tenant('${role}', '${A}');
          create schema trap_app_${version}; grant all on schema trap_app_${version} to ${role}`)
      try {
        await app.sql(`create function trap_app_${version}.abs(bigint) returns bigint language plpgsql as $$ begin raise exception 'trapped'; end $$;
            set search_path = trap_app_${version}, pg_temp, pg_catalog; select app_jobs.add_job('${A}', 'task')`)
        await expect(app.sql(`select app_jobs.add_job('${B}', 'task')`)).rejects.toThrow('may not add jobs for tenant')
      } finally {
        await db.sql(`drop schema trap_app_${version} cascade`)
      }
      expect(
        await db.sql(`select proname from pg_proc where pronamespace = 'app_jobs'::regnamespace and prosecdef
            and not 'search_path=pg_catalog, pg_temp' = any (coalesce(proconfig, '{}'))`),
      ).toEqual([])
    })

    it('23: of duplicate names in a payload one is kept, and what happened to a job can be read', async () => {
      const { id, payload } = await add(`, '{"a": 1, "a": 2}'`)
      expect(payload).toEqual({ a: 2 })
      await get()
      await db.sql(`select app_jobs.fail_job('worker-1', $1, 'first')`, [id])
      await due()
      await get('worker-2')
      await db.sql(`select app_jobs.complete_job('worker-2', $1)`, [id])
      const job = await db.queue().getJob(Number(id))
      expect(job).toMatchObject({ status: 'completed', attempts: 2, tenantId: A, errorHistory: [{ message: 'first' }] })
    })

    it('SQL text is data in every parameter', async () => {
      const hostile = `'); drop table app_jobs.jobs; --"\\' $$ %s`
      const text = 'select * from app_jobs.add_job($1, $2, to_json($2::text), $2, $2)'
      const [job] = await db.sql(text, [A, hostile])
      expect(job).toMatchObject({ task_identifier: hostile, payload: hostile, key: hostile, queue_name: hostile })
      expect(await db.sql('select * from app_jobs.get_job($1, array[$1])', [hostile])).toMatchObject([
        { id: job?.['id'], locked_by: hostile },
      ])
      expect(await db.sql('select * from app_jobs.fail_job($1, $2, $1)', [hostile, job?.['id']])).toMatchObject([
        { last_error: hostile },
      ])
    })
  })
})

import { afterEach, describe, expect, it } from 'vitest'
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

import { afterEach, describe, expect, it } from 'vitest'
import { SQL_SERVERS, type SqlSession, useSqlInstance } from '../support/sql-instance.ts'

describe.each(SQL_SERVERS)('roles on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_roles_${version}`)
    afterEach(async () => {
      await db.sql(`do $$ declare r record; begin
        for r in select tablename, policyname from pg_policies where schemaname = ':schema' loop
          execute format('drop policy %I on :schema.%I', r.policyname, r.tablename);
          execute format('alter table :schema.%I disable row level security', r.tablename);
        end loop; end $$`)
      await db.check()
    })

    /** A session of a fresh role that was granted something. */
    const as = async (name: string, grant: string): Promise<{ role: string } & SqlSession> => {
      const role = await db.role(name)
      await db.sql(`select :schema.${grant}($1)`, [role])
      return { role, ...(await db.session(role)) }
    }

    it('nobody may add jobs but whom the owner named', async () => {
      const role = await db.role('nobody')
      await db.sql(`grant usage on schema :schema to ${role}`)
      const session = await db.session(role)
      await expect(session.sql(`select :schema.add_job('a')`)).rejects.toThrow('permission denied for function add_job')
      await expect(session.sql(`select :schema.add_jobs('[{"job_type": "a"}]')`)).rejects.toThrow('permission denied')
    })

    it('a producer adds jobs, with keys and queues, and can read none', async () => {
      const producer = await as('producer', 'grant_producer')
      const id = await producer.value(`select :schema.add_job('a', '{"secret": 1}', key := 'k', queue := 'q')`)
      expect(await producer.value(`select :schema.add_job('a', key := 'k')`)).toBe(id)
      for (const text of [
        'select * from :schema.jobs',
        `select * from :schema.get_jobs('w')`,
        'select * from :schema.job_status(1)',
        'select * from :schema.stats()',
        `insert into :schema.jobs (id) values (1)`,
        'delete from :schema.jobs',
        'select :schema.cancel_job(1)',
        `select :schema.grant_worker('${producer.role}')`,
        `select :schema.allow_tenant('${producer.role}', 'a')`,
        'select :schema.isolate_tenants(current_user)',
        // Runs with the owner's rights for those who may delete jobs.
        'select :schema.drop_day(current_date)',
      ]) {
        await expect(producer.sql(text)).rejects.toThrow(/permission denied|must be owner|grant options/)
      }
      expect(await db.sql('select payload from :schema.jobs')).toEqual([{ payload: { secret: 1 } }])
    })

    it('a worker does the work of a processor and cannot alter anything', async () => {
      const worker = await as('worker', 'grant_worker')
      await worker.sql(`select :schema.add_job('a')`)
      const [job] = await worker.sql(`select * from :schema.get_jobs('w')`)
      expect(await worker.value('select :schema.complete_job($1, $2)', [job?.['job_id'], job?.['token']])).toBe(true)
      for (const text of ['drop table :schema.jobs', 'create table :schema.x ()', 'delete from :schema.migrations']) {
        await expect(worker.sql(text)).rejects.toThrow(/permission denied|must be owner/)
      }
    })

    it('a confined producer adds jobs for its tenants only', async () => {
      const producer = await as('confined', 'grant_producer')
      await db.sql(`select :schema.allow_tenant($1, 'a')`, [producer.role])
      await db.sql(`select :schema.allow_tenant($1, 'a')`, [producer.role])
      await producer.sql(`select :schema.add_job('x', tenant_id := 'a', key := 'k')`)
      for (const tenant of [`'b'`, 'null']) {
        const add = producer.sql(
          `select :schema.add_job('x', tenant_id := ${tenant}, key := 'k', key_mode := 'replace')`,
        )
        await expect(add).rejects.toThrow('may not add jobs for tenant')
      }
      await producer.sql(`select :schema.add_unique_job('x', 'k', tenant_id := 'a', key_window := '1 hour')`)
      const everybody = `select :schema.add_unique_job('x', 'k', tenant_id := 'a', key_scope := 'all')`
      await expect(producer.sql(everybody)).rejects.toThrow('is confined to tenants')
      await expect(producer.sql(`select :schema.add_unique_job('x', 'l', tenant_id := 'b')`)).rejects.toThrow(
        'may not add',
      )
      expect(await db.sql('select tenant_id from :schema.jobs')).toEqual([{ tenant_id: 'a' }])
    })

    it('a server that is trusted to name its tenant adds for that one', async () => {
      const server = await as('server', 'grant_producer')
      await db.sql('select :schema.allow_tenant($1, null)', [server.role])
      await expect(server.sql(`select :schema.add_job('x', tenant_id := 'b')`)).rejects.toThrow('may not add')
      await server.sql(`begin; set local millrace.tenant = 'b'; select :schema.add_job('x', tenant_id := 'b'); commit`)
      await expect(server.sql(`select :schema.add_job('x', tenant_id := 'b')`)).rejects.toThrow('may not add')
    })

    it('with isolated tenants a reader sees the jobs of its own, and a worker all', async () => {
      const reader = await as('reader', 'grant_reader')
      const worker = await as('all', 'grant_worker')
      await db.sql('select :schema.isolate_tenants($1)', [worker.role])
      await db.sql(`select :schema.allow_tenant($1, 'a')`, [reader.role])
      await db.sql(`select :schema.add_job('x', tenant_id := t) from unnest(array['a', 'b', null]) t`)
      const ids = (await worker.sql(`select * from :schema.get_jobs('w', max_jobs := 10)`)).map((row) => row['job_id'])
      expect(ids).toHaveLength(3)
      expect(await reader.sql('select tenant_id from :schema.jobs')).toEqual([{ tenant_id: 'a' }])
      for (const part of ['complete_job', 'fail_job']) {
        const [row] = await db.sql(`select id, token from :schema.jobs where tenant_id is not distinct from $1`, [
          part === 'complete_job' ? 'a' : 'b',
        ])
        await worker.sql(`select :schema.${part}($1, $2${part === 'fail_job' ? ', final := true' : ''})`, [
          row?.['id'],
          row?.['token'],
        ])
      }
      expect(await reader.sql('select tenant_id from :schema.finished_jobs')).toEqual([{ tenant_id: 'a' }])
      expect(await reader.sql('select tenant_id from :schema.failed_jobs')).toEqual([])
      expect(await reader.value('select count(*) from :schema.job_status($1)', [ids[1]])).toBe('0')
      const partition = `select * from :schema.finished_jobs_default`
      await expect(reader.sql(partition)).rejects.toThrow('permission denied')
    })

    it('nothing that a caller puts on its search path runs with the rights of the owner', async () => {
      const attacker = await as('attacker', 'grant_producer')
      await db.sql(`create schema trap_${version}; grant all on schema trap_${version} to ${attacker.role}`)
      try {
        await attacker.sql(`
          create function trap_${version}.jsonb_build_object(text, text) returns jsonb language plpgsql as
            $$ begin raise exception 'trapped as %', current_user; end $$;
          create function trap_${version}.nextval(text) returns bigint language plpgsql as
            $$ begin raise exception 'trapped as %', current_user; end $$;
          create function trap_${version}.eq(text, text) returns boolean language plpgsql as
            $$ begin raise exception 'trapped as %', current_user; end $$;
          create operator trap_${version}.= (leftarg = text, rightarg = text, function = trap_${version}.eq);
          create temp table jobs (id bigint);
          set search_path = trap_${version}, pg_temp, pg_catalog`)
        await attacker.sql(`select :schema.add_job('a', key := 'k', queue := 'q', key_mode := 'replace')`)
        expect(await db.sql('select job_type from :schema.jobs')).toEqual([{ job_type: 'a' }])
      } finally {
        await db.sql(`drop schema trap_${version} cascade`)
      }
    })

    it('every function that runs with the rights of the owner fixes its search path', async () => {
      expect(
        await db.sql(`select p.proname from pg_proc p where p.pronamespace = ':schema'::regnamespace and p.prosecdef
          and not 'search_path=pg_catalog, pg_temp' = any (coalesce(p.proconfig, '{}'))`),
      ).toEqual([])
    })
  })
})

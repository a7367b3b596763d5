import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SQL_SERVERS, useSqlInstance } from '../support/sql-instance.ts'

describe.each(SQL_SERVERS)('jobs of changed rows on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_change_${version}`)
    // Names that need quotes, and would be statements without them.
    const table = `"ch; drop table x; --_${version}"."Orders ""of"" 'us'"`
    beforeAll(async () => {
      await db.sql(`drop schema if exists "ch; drop table x; --_${version}" cascade`)
      await db.sql(`create schema "ch; drop table x; --_${version}"`)
      await db.sql(`create table ${table} (id int, state text, "to; tal" numeric, tenant text)`)
    })
    afterEach(async () => {
      await db.sql(`truncate ${table}`)
      await db.check()
    })
    afterAll(() => db.sql(`drop schema if exists "ch; drop table x; --_${version}" cascade`))

    const payloads = async (): Promise<unknown[]> =>
      (await db.sql('delete from :schema.jobs returning payload')).map(({ payload }) => payload)
    const install = (rest: string): Promise<unknown> => db.sql(`select :schema.enqueue_on_change($1, ${rest})`, [table])

    it('adds a job for each change, within its transaction', async () => {
      await install(`'order''s; changed'`)
      await db.sql(`insert into ${table} values (1, 'new', 2.50, null); update ${table} set state = 'paid';
        update ${table} set state = 'paid'; delete from ${table}`)
      const row = { id: 1, 'to; tal': 2.5, tenant: null }
      expect(await payloads()).toEqual([
        { operation: 'insert', table, new: { ...row, state: 'new' } },
        { operation: 'update', table, new: { ...row, state: 'paid' }, old: { ...row, state: 'new' } },
        { operation: 'delete', table, old: { ...row, state: 'paid' } },
      ])
      await db.sql(`begin; insert into ${table} values (2); rollback`)
      expect(await payloads()).toEqual([])
      await db.sql(`select :schema.stop_enqueue_on_change($1, 'order''s; changed')`, [table])
      await db.sql(`insert into ${table} values (3)`)
      expect(await payloads()).toEqual([])
    })

    it('tells only of some columns, some operations and what a condition lets through', async () => {
      await install(`'paid', '{id,"to; tal"}', 'new.state = ''paid''', '{insert,update}', 'tenant', 'orders'`)
      await db.sql(`insert into ${table} values (1, 'paid', 1, 'a'), (2, 'new', 1, 'a'); update ${table} set tenant = 'b';
        update ${table} set "to; tal" = 9 where id = 1; delete from ${table}`)
      const [first] = await db.sql(
        'select tenant_id, job_type, :schema.queue_name(group_key, tenant_id) q from :schema.jobs',
      )
      expect(first).toEqual({ tenant_id: 'a', job_type: 'paid', q: 'orders' })
      await db.sql('delete from :schema.group_wakes')
      expect(await payloads()).toEqual([
        { operation: 'insert', table, new: { id: 1, 'to; tal': 1 } },
        { operation: 'update', table, new: { id: 1, 'to; tal': 9 }, old: { id: 1, 'to; tal': 1 } },
      ])
      await db.sql(`select :schema.stop_enqueue_on_change($1, 'paid')`, [table])
    })

    it('is replaced when it is installed again, and refuses what it does not know', async () => {
      await install(`'t'`)
      await install(`'t', operations := '{delete}'`)
      await db.sql(`insert into ${table} values (1)`)
      expect(await payloads()).toEqual([])
      await db.sql(`select :schema.stop_enqueue_on_change($1, 't')`, [table])
      await expect(install(`'t', '{nope}'`)).rejects.toThrow('must name columns')
      await expect(install(`'t', operations := '{truncate}'`)).rejects.toThrow('`operations` must be')
      await expect(install(`''`)).rejects.toThrow('`job_type` must be')
      await expect(db.sql(`select :schema.enqueue_on_change('no_such_table', 't')`)).rejects.toThrow('does not exist')
    })

    it('works for whoever may write the table, and is installed by whoever may add jobs', async () => {
      const writer = await db.role('writer')
      await db.sql(`grant usage on schema "ch; drop table x; --_${version}", :schema to ${writer};
        grant insert, trigger on ${table} to ${writer}`)
      const session = await db.session(writer)
      await expect(session.sql(`select :schema.enqueue_on_change($1, 't')`, [table])).rejects.toThrow(
        'permission denied',
      )
      await install(`'t'`)
      await session.sql(`insert into ${table} values (7)`)
      expect(await payloads()).toHaveLength(1)
      await db.sql(`select :schema.stop_enqueue_on_change($1, 't')`, [table])
    })
  })
})

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

    it('tells values of every type as they are, and leaves out what no trigger sees', async () => {
      const [{ virtual } = {}] = await db.sql(`select current_setting('server_version_num')::int >= 180000 as virtual`)
      const odd = `"ch; drop table x; --_${version}".odd`
      await db.sql(`create table ${odd} (id int generated always as identity, doc jsonb, old_doc json, list int[], grid text[], amount numeric,
        at timestamptz, raw bytea, span int4range, flag boolean, twice int generated always as (2 * 2) stored
        ${virtual === true ? ', late int generated always as (id * 10) virtual' : ''})`)
      await db.sql(`select :schema.enqueue_on_change($1, 'odd')`, [odd])
      await db.sql(`insert into ${odd} (doc, old_doc, list, grid, amount, at, raw, span) values ('{"a": null, "b": [1]}', '{"a": 1}',
        '{1,null,3}', '{{a,b},{c,"d,e"}}', 'NaN', 'infinity', '\\x00ff', '[1,5)')`)
      const row = {
        id: 1,
        doc: { a: null, b: [1] },
        old_doc: { a: 1 },
        list: [1, null, 3],
        grid: [
          ['a', 'b'],
          ['c', 'd,e'],
        ],
        amount: 'NaN',
        at: 'infinity',
        raw: '\\x00ff',
        span: '[1,5)',
        flag: null,
        twice: 4,
      }
      expect(await payloads()).toEqual([{ operation: 'insert', table: odd, new: row }])
      if (virtual !== true) return
      const add = db.sql(`select :schema.enqueue_on_change($1, 'odd', '{id,late}')`, [odd])
      await expect(add).rejects.toThrow('column late is generated when it is read')
    })

    it('a partitioned table is told of under its name, an upsert by what it did, TRUNCATE not at all', async () => {
      const parts = `"ch; drop table x; --_${version}".parts`
      await db.sql(`create table ${parts} (id int, part text, n int, primary key (id, part)) partition by list (part);
        create table "ch; drop table x; --_${version}".part_a partition of ${parts} for values in ('a')`)
      await db.sql(`select :schema.enqueue_on_change($1, 'part', '{n}')`, [parts])
      // A partition that comes later is told of as well.
      await db.sql(`create table "ch; drop table x; --_${version}".part_b partition of ${parts} for values in ('b')`)
      await db.sql(`insert into ${parts} values (1, 'a', 1), (1, 'b', 2)`)
      for (const n of [5, 5]) {
        await db.sql(`insert into ${parts} values (1, 'a', ${n}) on conflict (id, part) do update set n = excluded.n`)
      }
      await db.sql(`insert into ${parts} values (1, 'a', 9) on conflict do nothing`)
      await db.sql(`truncate ${parts}`)
      expect(await payloads()).toEqual([
        { operation: 'insert', table: parts, new: { n: 1 } },
        { operation: 'insert', table: parts, new: { n: 2 } },
        { operation: 'update', table: parts, new: { n: 5 }, old: { n: 1 } },
      ])
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

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bench, completed } from '../../src/conformance/bench.ts'
import { runConformance } from '../../src/conformance/index.ts'
import { grantStatements } from '../../src/postgres/grants.ts'
import { storeCodeOf } from '../../src/postgres/sqlstate.ts'
import { openPostgresTarget, quoted, type PostgresTarget, type RunSql } from '../support/postgres-target.ts'

const url = process.env['MILLRACE_TEST_PG18_URL']
const SCHEMA = 'millrace_roles'

describe.skipIf(url === undefined)('the contract as a role that may create nothing', () => {
  const suffix = randomBytes(4).toString('hex')
  const [database, owner, app] = [`roles_${suffix}`, `owner_${suffix}`, `app_${suffix}`]
  const superuser = new pg.Pool({ connectionString: url, max: 1 })
  let target: PostgresTarget
  const as = (role: string): string => {
    const address = new URL(url ?? '')
    address.username = role
    address.pathname = `/${database}`
    return address.href
  }
  const grant = (statements: readonly string[]) => async (run: RunSql) => {
    for (const statement of statements) await run(statement)
  }
  const GRANTS = grantStatements({ schema: SCHEMA, role: app })

  beforeAll(async () => {
    await superuser.query(`create database ${database}`)
    await superuser.query(`revoke all on database ${database} from public`)
    for (const role of [owner, app]) {
      await superuser.query(`create role ${role} login nosuperuser nocreatedb nocreaterole`)
      await superuser.query(`grant connect on database ${database} to ${role}`)
      // Nothing may depend on finding a name without its schema.
      await superuser.query(`alter role ${role} set search_path = ''`)
    }
    target = await openPostgresTarget(as('postgres'), SCHEMA, {
      storeUrl: as(app),
      ownerUrl: as(owner),
      prepare: (run) => run(`create schema ${SCHEMA} authorization ${owner}`),
      onMigrated: grant(GRANTS),
    })
  })
  afterAll(async () => {
    await target.close()
    await superuser.query(`drop database ${database}`)
    for (const role of [owner, app]) await superuser.query(`drop role ${role}`)
    await superuser.end()
  })

  runConformance({ name: 'two roles', openStore: () => Promise.resolve(target), test })

  /** What a program does in a day, as far as rights are concerned. */
  async function day(store: PostgresTarget['store']): Promise<void> {
    const bench = new Bench({ ...target, store })
    const worker = await bench.worker()
    await store.migrate({ mode: 'check' })
    await bench.finish(worker, completed, { idempotencyKey: 'k', groupId: 'g' })
    await store.upkeep()
    await store.cleanupJobs({ daysToKeep: 1, batch: 10 })
    await store.listJobs({ limit: 1 })
    await store.unregister({ worker })
  }

  test('every grant is needed, and all of them are enough', async () => {
    const needed = GRANTS.filter((statement) => statement.startsWith('grant'))
    expect(needed).toHaveLength(4)
    await withClient(as(owner), async (client) => {
      for (const left of [...needed, null]) {
        await target.reset()
        await client.query(`revoke all on schema ${SCHEMA} from ${app}`)
        for (const kind of ['tables', 'sequences', 'functions'])
          await client.query(`revoke all on all ${kind} in schema ${SCHEMA} from ${app}`)
        for (const statement of GRANTS) if (statement !== left) await client.query(statement)
        const failure = await day(target.store).then(() => undefined, storeCodeOf)
        expect([left, failure]).toEqual([left, left === null ? undefined : '42501'])
      }
    })
  })

  test('what a later migration adds is granted with the owner named', async () => {
    await withClient(as(owner), async (client) => {
      for (const statement of grantStatements({ schema: SCHEMA, role: app, owner })) await client.query(statement)
      await client.query(`create table ${SCHEMA}.later (id bigint generated always as identity, x int default 1)`)
      await client.query(`create function ${SCHEMA}.later() returns int language sql security definer as 'select 7'`)
      await client.query(`revoke all on function ${SCHEMA}.later() from public`)
      await withClient(as(app), async (user) => {
        await user.query(`insert into ${SCHEMA}.later default values`)
        const { rows } = await user.query(
          `select ${SCHEMA}.later() as f, (select count(*)::int from ${SCHEMA}.later) as n`,
        )
        expect(rows).toEqual([{ f: 7, n: 1 }])
      })
      await client.query(`drop table ${SCHEMA}.later; drop function ${SCHEMA}.later()`)
      await client.query(`alter default privileges in schema ${SCHEMA} revoke all on tables from ${app}`)
      await client.query(`alter default privileges in schema ${SCHEMA} revoke all on sequences from ${app}`)
      await client.query(`alter default privileges in schema ${SCHEMA} revoke all on functions from ${app}`)
    })
  })

  test('the application can change nothing of the instance, and a role that may only look can delete nothing', async () => {
    const reader = `reader_${suffix}`
    await superuser.query(`create role ${reader} login`)
    await superuser.query(`grant connect on database ${database} to ${reader}`)
    await withClient(as(owner), async (client) => {
      await client.query(`grant usage on schema ${SCHEMA} to ${reader}`)
      await client.query(`grant select on all tables in schema ${SCHEMA} to ${reader}`)
    })
    const forbidden: readonly (readonly [string, string])[] = [
      [app, `create table ${SCHEMA}.mine (x int)`],
      [app, `create temp table mine (x int)`],
      [app, `create schema mine`],
      [app, `alter table ${SCHEMA}.jobs add column mine int`],
      [app, `drop table ${SCHEMA}.jobs`],
      [app, `truncate ${SCHEMA}.jobs`],
      [app, `create or replace function ${SCHEMA}.make_partitions() returns integer language sql as 'select 1'`],
      [app, `update ${SCHEMA}.migrations set version = 99 where version = 1`],
      [app, `insert into ${SCHEMA}.migrations values (99, 'x', 'x', 99)`],
      [reader, `select ${SCHEMA}.drop_day(current_date)`],
      [reader, `select ${SCHEMA}.forget_day(current_date, 0, 1000)`],
      [reader, `select ${SCHEMA}.make_partitions()`],
      [reader, `select ${SCHEMA}.add_jobs('[{"job_type":"x","payload":1}]')`],
    ]
    for (const [role, statement] of forbidden) {
      const failure = await withClient(as(role), (client) => client.query(statement).then(() => undefined, storeCodeOf))
      expect([statement, failure]).toEqual([statement, '42501'])
    }
    await withClient(as(reader), async (client) => {
      await client.query(`select count(*) from ${SCHEMA}.jobs`)
    })
    await withClient(as('postgres'), (client) => client.query(`drop owned by ${reader}`))
    await superuser.query(`drop role ${reader}`)
  })

  test('names in the statements are quoted', () => {
    const statements = grantStatements({ schema: 'a "b"', role: 'r"; drop', owner: 'O o' }).join('\n')
    expect(statements).toContain(
      `${quoted('a "b"')}.migrations, ${quoted('a "b"')}.tenant_roles from ${quoted('r"; drop')}`,
    )
    expect(statements).toContain(`for role ${quoted('O o')}`)
    expect(() => grantStatements({ schema: "a'b", role: 'r' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })
})

async function withClient<T>(address: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: address })
  await client.connect()
  try {
    return await fn(client)
  } finally {
    await client.end()
  }
}

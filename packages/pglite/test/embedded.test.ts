import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEmbedded, type EmbeddedDatabase } from '../src/index.ts'
import { until } from './members.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-embedded-'))
let database: EmbeddedDatabase

beforeAll(async () => {
  database = await openEmbedded({ dataDir: join(folder, 'db') })
  await database.script('create table items (id bigint generated always as identity, name text not null)')
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

const SLOW = 'select count(*) from generate_series(1, 2000000)'

test('the first process to open a directory owns it', () => {
  expect(database.role()).toBe('owner')
  expect(database.kind).toBe('pglite')
})

test('rows are arrays in the formats that Executor documents', async () => {
  const rows = await database.query(`select 1::int2, 2::int4, 3::int8, 4.5::numeric, 1.5::float8, true, false, null,
    '2026-01-02 03:04:05+00'::timestamptz, '{"b": 1}'::jsonb, '{"b":1}'::json, array[1, 2], array['a,b', null], 'é'::text`)
  expect(rows).toEqual([
    [
      1,
      2,
      '3',
      '4.5',
      1.5,
      true,
      false,
      null,
      '2026-01-02 03:04:05+00',
      '{"b": 1}',
      '{"b":1}',
      '{1,2}',
      '{"a,b",NULL}',
      'é',
    ],
  ])
})

test('parameters are converted as node-postgres converts them', async () => {
  const at = new Date('2026-01-02T03:04:05.678Z')
  const [row] = await database.query(
    'select $1::int, $2::bool, $3::text, $4::timestamptz, $5::int[], $6::text[], $7::jsonb, $8::bytea, $9::text, $10::int8',
    [7, true, `it's "é"`, at, [1, 2], ['a"b', 'c\\d', null, ''], { a: [1] }, Buffer.from([1, 255]), undefined, 12n],
  )
  expect(row).toEqual([
    7,
    true,
    `it's "é"`,
    '2026-01-02 03:04:05.678+00',
    '{1,2}',
    '{"a\\"b","c\\\\d",NULL,""}',
    '{"a": [1]}',
    '\\x01ff',
    null,
    '12',
  ])
})

test('commits are synced to disk', async () => {
  const settings = await database.query(
    "select name, setting from pg_settings where name in ('fsync', 'wal_sync_method', 'synchronous_commit') order by 1",
  )
  expect(settings).toEqual([
    ['fsync', 'on'],
    ['synchronous_commit', 'on'],
    ['wal_sync_method', 'fsync'],
  ])
})

test('a failed statement rejects with the fields of PostgreSQL and leaves the session usable', async () => {
  await expect(database.query('insert into items (name) values (null)')).rejects.toMatchObject({
    code: '23502',
    table: 'items',
    column: 'name',
    severity: 'ERROR',
  })
  expect(await database.query('select 1')).toEqual([[1]])
})

test('a script is one transaction', async () => {
  const script = database.script("insert into items (name) values ('half'); select 1 / 0")
  await expect(script).rejects.toMatchObject({ code: '22012' })
  expect(await database.query("select count(*)::int from items where name = 'half'")).toEqual([[0]])
})

test('a repeated statement sees a changed table', async () => {
  await database.script('create table changing (a int); insert into changing values (1)')
  for (let n = 0; n < 4; n += 1) expect(await database.query('select * from changing')).toEqual([[1]])
  await database.script("alter table changing add b text default 'x'")
  expect(await database.query('select * from changing')).toEqual([[1, 'x']])
  await database.query('deallocate all')
  expect(await database.query('select * from changing')).toEqual([[1, 'x']])
})

test('nothing a statement sets outlives it', async () => {
  await database.query("set work_mem = '9MB'")
  await database.query("select set_config('work_mem', '9MB', false)")
  await database.script("set search_path = nowhere; set timezone = 'Asia/Tokyo'")
  await database.transaction(async (tx) => {
    await tx.query('set application_name = leaked')
  })
  const names = ['work_mem', 'search_path', 'TimeZone', 'application_name']
  const [row] = await database.query(`select ${names.map((name) => `current_setting('${name}')`).join(', ')}`)
  expect(row?.slice(0, 2)).toEqual(['4MB', 'public'])
  expect(row).not.toContain('Asia/Tokyo')
  expect(row).not.toContain('leaked')
})

test('a statement cannot leave a transaction open', async () => {
  await expect(database.query('begin')).rejects.toMatchObject({ code: '25001' })
  await expect(database.query('copy items from stdin')).rejects.toMatchObject({ code: '57014' })
  expect(await database.query('select 1')).toEqual([[1]])
})

test('a time limit rejects the caller while the statement goes on', async () => {
  await expect(database.query(SLOW, [], { timeoutMs: 100 })).rejects.toMatchObject({ code: 'STORE_TIMEOUT' })
  expect(await database.query('select 1')).toEqual([[1]])
})

test('the main thread goes on while a statement runs', async () => {
  let ticks = 0
  const timer = setInterval(() => (ticks += 1), 5)
  await database.query(SLOW)
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(5)
})

test('a transaction commits what it did and returns rows as node-postgres does', async () => {
  const result = await database.transaction(async (tx) => {
    const inserted = await tx.query("insert into items (name) values ('kept') returning name")
    expect(inserted).toEqual({ rows: [{ name: 'kept' }], rowCount: 1 })
    return await tx.query(`select 1::int8 as big, '{"a":1}'::jsonb as json, '2026-01-02T03:04:05Z'::timestamptz as at`)
  })
  expect(result.rows).toEqual([{ big: '1', json: { a: 1 }, at: new Date('2026-01-02T03:04:05Z') }])
  expect(await database.query("select count(*)::int from items where name = 'kept'")).toEqual([[1]])
})

test('a transaction whose function throws is rolled back and rejects with what it threw', async () => {
  const failure = new Error('changed my mind')
  const transaction = database.transaction(async (tx) => {
    await tx.query("insert into items (name) values ('undone')")
    throw failure
  })
  await expect(transaction).rejects.toBe(failure)
  expect(await database.query("select count(*)::int from items where name = 'undone'")).toEqual([[0]])
})

test('a swallowed failure inside a transaction does not pass for a commit', async () => {
  const transaction = database.transaction(async (tx) => {
    await tx.query("insert into items (name) values ('lost')")
    await tx.query('select 1 / 0').catch(() => undefined)
  })
  await expect(transaction).rejects.toMatchObject({ code: 'STORE_FAILED', cause: { code: '22012' } })
})

test('transactions and statements of several callers do not mix', async () => {
  const log: string[] = []
  const run = (name: string): Promise<void> =>
    database.transaction(async (tx) => {
      log.push(`${name} begins`)
      await tx.query('select 1')
      await tx.query('select 2')
      log.push(`${name} ends`)
    })
  await Promise.all([run('a'), database.query('select 3').then(() => log.push('statement')), run('b')])
  expect(log.filter((entry) => entry !== 'statement')).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
})

test('a transaction held beyond its limit is rolled back, and the others go on', async () => {
  const held = database.transaction(
    async (tx) => {
      await tx.query("insert into items (name) values ('held')")
      await new Promise(() => undefined)
    },
    { timeoutMs: 200 },
  )
  const outcome = held.catch((error: unknown) => error)
  expect(await database.query("select count(*)::int from items where name = 'held'")).toEqual([[0]])
  expect(await outcome).toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
})

test('a statement outside the transaction, awaited inside it, waits at most for its limit', async () => {
  let inner: Promise<unknown> = Promise.resolve()
  const transaction = database.transaction(
    async () => {
      inner = database.query('select 4')
      await inner
    },
    { timeoutMs: 200 },
  )
  await expect(transaction).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
  expect(await inner).toEqual([[4]])
})

test('a statement that waits longer than its own limit is not run', async () => {
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const transaction = database.transaction(async () => await gate)
  const late = database.query("insert into items (name) values ('late')", [], { timeoutMs: 50 })
  await expect(late).rejects.toMatchObject({ code: 'STORE_TIMEOUT' })
  release()
  await transaction
  expect(await database.query("select count(*)::int from items where name = 'late'")).toEqual([[0]])
})

test('a finished transaction refuses further statements', async () => {
  let kept: { query(text: string): Promise<unknown> } | undefined
  await database.transaction(async (tx) => void (kept = tx))
  await expect(kept?.query('select 1')).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
})

test('notifications arrive until the signal aborts', async () => {
  const heard: string[] = []
  const stop = new AbortController()
  const subscription = {
    channel: 'Mixed "case"',
    onNotify: (payload: string) => void heard.push(payload),
    onReconnect: () => undefined,
  }
  await database.listen({ ...subscription, onError: () => undefined, signal: stop.signal })
  await database.query(`select pg_notify('Mixed "case"', 'one')`)
  await database.transaction(async (tx) => void (await tx.query(`select pg_notify('Mixed "case"', 'two')`)))
  await until(() => heard.length === 2)
  stop.abort()
  await until(async () => (await database.query('select count(*)::int from pg_listening_channels()'))[0]?.[0] === 0)
  await database.query(`select pg_notify('Mixed "case"', 'three')`)
  await database.query('select 1')
  expect(heard).toEqual(['one', 'two'])
})

test('a second database of the same directory in one process shares the first', async () => {
  await using second = await openEmbedded({ dataDir: join(folder, 'db') })
  expect(second.role()).toBe('client')
  await second.query("insert into items (name) values ('shared')")
  expect(await database.query("select count(*)::int from items where name = 'shared'")).toEqual([[1]])
})

test('large values pass unaltered', async () => {
  const text = 'é'.repeat(1_500_000)
  const [row] = await database.query('select $1::text, length($1)', [text])
  expect(row?.[0] === text).toBe(true)
})

test('it tells how much memory PostgreSQL has reserved', async () => {
  expect((await database.memory()).wasmBytes).toBeGreaterThan(1e7)
})

test('a session that dies is replaced, and only what was under way is lost', async () => {
  await database.query("insert into items (name) values ('before')")
  await database.script(
    'create or replace function endless(n int) returns int language plpgsql as $$ begin return endless(n + 1); end $$',
  )
  // PostgreSQL's own depth limit is beyond the stack that WASM has here.
  await expect(database.query('select endless(1)')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(await database.query("select count(*)::int from items where name = 'before'")).toEqual([[1]])
  expect(database.role()).toBe('owner')
})

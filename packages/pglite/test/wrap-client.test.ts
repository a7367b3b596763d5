import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest'
import { wrapClient, type PGliteLike } from '../src/index.ts'
import { until } from './members.ts'

let pglite: PGlite
beforeAll(async () => {
  pglite = await PGlite.create()
})
afterAll(async () => await pglite.close())

test('a real PGlite fits the structural type', () => {
  expectTypeOf<PGlite>().toExtend<PGliteLike>()
})

test('rows and parameters are the same as those of the embedded database', async () => {
  const executor = wrapClient(pglite)
  const [row] = await executor.query(
    `select $1::int, $2::bool, $3::int8, $4::jsonb, $5::text[], $6::timestamptz, $7::int[], $8::bytea, 4.5::numeric, null`,
    [7, true, 12n, { a: 1 }, ['a"b', 'c,d'], new Date('2026-01-02T03:04:05Z'), [1, 2], Buffer.from([1, 255])],
  )
  expect(row).toEqual([
    7,
    true,
    '12',
    '{"a": 1}',
    '{"a\\"b","c,d"}',
    '2026-01-02 03:04:05+00',
    '{1,2}',
    '\\x01ff',
    '4.5',
    null,
  ])
})

test('a script is one transaction, and failures keep their SQLSTATE', async () => {
  const executor = wrapClient(pglite)
  await executor.script('create table t (a int)')
  await expect(executor.script('insert into t values (1); select 1 / 0')).rejects.toMatchObject({ code: '22012' })
  expect(await executor.query('select count(*)::int from t')).toEqual([[0]])
})

test('notifications arrive, and closing leaves the instance open', async () => {
  const executor = wrapClient(pglite)
  const heard: string[] = []
  const stop = new AbortController()
  const ignore = (): void => undefined
  await executor.listen({
    channel: 'Wake',
    onNotify: (payload) => heard.push(payload),
    onReconnect: ignore,
    onError: ignore,
    signal: stop.signal,
  })
  await executor.query("select pg_notify('Wake', 'up')")
  await until(() => heard.length === 1)
  stop.abort()
  await executor.close()
  expect((await pglite.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

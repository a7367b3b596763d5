import pg from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { resolveConnection } from './connection.ts'
import { PoolExecutor } from './pool-executor.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

describe.skipIf(url === '')('repeated statements', () => {
  let cleanups: (() => unknown)[] = []

  afterEach(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup()
    cleanups = []
  })

  /** An executor over one connection. */
  function open(): PoolExecutor {
    const { pool } = resolveConnection({ connectionString: url, max: 1 })
    const executor = new PoolExecutor({ settings: pool })
    cleanups.push(() => executor.close())
    return executor
  }

  function userPool(config: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: url, max: 1, ...config })
    cleanups.push(() => pool.end())
    return pool
  }

  const repeated = { isRepeated: true }

  test('answer as the first time, whoever made the pool', async () => {
    const text = `select $1::text, $2::int4, $3::bool, $4::float8, $5::int8, $6::int4[], $7::int8, null::int4, 5::numeric,
      '{"a": 1}'::jsonb, now() at time zone 'utc' > '2000-01-01', generate_series(1, 2)`
    const values = ['ü\u{1f600}', 2, false, 1.5, 3n, [4, 5], undefined]
    const row = ['ü\u{1f600}', 2, false, 1.5, '3', '{4,5}', null, null, '5', '{"a": 1}', true]
    for (const pool of [undefined, userPool(), userPool({ pipeline: true })]) {
      const executor = pool === undefined ? open() : new PoolExecutor({ pool })
      for (let time = 1; time <= 3; time++) {
        expect(await executor.query(text, values, repeated)).toEqual([
          [...row, 1],
          [...row, 2],
        ])
        expect(await executor.query('select 1 where $1', [false], repeated)).toEqual([])
        expect(await executor.query('select 2', undefined, repeated)).toEqual([[2]])
      }
      await executor.close()
    }
  })

  test('take what only the driver can write', async () => {
    const executor = open()
    const text = `select $1::text[], $2::timestamptz at time zone 'utc', $3::bytea, $4::jsonb`
    for (let time = 1; time <= 2; time++) {
      const rows = await executor.query(text, [['a"b'], new Date(0), Buffer.from([0]), { a: 1 }], repeated)
      expect(rows).toEqual([['{"a\\"b"}', '1970-01-01 00:00:00', '\\x00', '{"a": 1}']])
    }
  })

  test('that fail leave their connection as it was', async () => {
    const executor = open()
    const divide = (by: number) => executor.query('select 6 / $1::int, pg_backend_pid()', [by], repeated)
    const [first] = await divide(1)
    await expect(divide(0)).rejects.toMatchObject({ details: { storeCode: '22012', outcome: 'none' } })
    expect(await divide(2)).toEqual([[3, first?.[1]]])
  })

  test('keep to their limit, and reject when their connection breaks', async () => {
    const executor = open()
    const sleep = (seconds: number, timeoutMs = 30_000) =>
      executor.query('select pg_sleep($1)', [seconds], { ...repeated, timeoutMs })
    await sleep(0)
    await expect(sleep(5, 50)).rejects.toMatchObject({ code: 'STORE_TIMEOUT', details: { outcome: 'unknown' } })
    const end = (isMeant: boolean) =>
      executor.query('select case when $1 then pg_terminate_backend(pg_backend_pid()) end', [isMeant], repeated)
    await end(false)
    await expect(end(true)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', details: { outcome: 'unknown' } })
    expect(await end(false)).toEqual([[null]])
  })

  test('are seen by what wraps the driver to trace it', async () => {
    const executor = open()
    const prototype: { query: unknown } = pg.Client.prototype
    const original = prototype.query as (this: void, query: object) => unknown
    const traced: string[] = []
    // As the instrumentation of OpenTelemetry does it.
    prototype.query = function (this: pg.Client, query: { text: string; callback?: (...answer: unknown[]) => void }) {
      const { callback } = query
      if (callback !== undefined) {
        query.callback = (...answer: unknown[]) => {
          traced.push(query.text)
          callback(...answer)
        }
      }
      return Reflect.apply(original, this, [query])
    }
    cleanups.push(() => {
      prototype.query = original
    })
    for (let time = 1; time <= 2; time++) expect(await executor.query('select 7', [], repeated)).toEqual([[7]])
    expect(traced).toEqual(['select 7'])
  })
})

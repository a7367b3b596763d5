import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DatabaseConfig } from './connection.ts'
import { resolveConnection } from './connection.ts'
import type { PoolLike } from './pool.ts'
import type { PoolExecutorOptions } from './pool-executor.ts'
import { PoolExecutor } from './pool-executor.ts'
import { isTransient, outcomeUnknown } from './sqlstate.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

describe.skipIf(url === '')('statements over a pool', () => {
  let cleanups: (() => unknown)[] = []
  let admin: pg.Client

  beforeEach(async () => {
    admin = new pg.Client(url)
    await admin.connect()
  })
  afterEach(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup()
    cleanups = []
    await admin.end()
  })

  /** An executor over a pool of ours, under an application name of its own. */
  function open(config: DatabaseConfig = {}, options: PoolExecutorOptions = {}) {
    const name = `test-${crypto.randomUUID()}`
    const { pool } = resolveConnection({ connectionString: url, application_name: name, ...config })
    const executor = new PoolExecutor({ settings: pool }, options)
    cleanups.push(() => executor.close())
    return { executor, name }
  }

  function userPool(config: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: url, application_name: `test-${crypto.randomUUID()}`, ...config })
    cleanups.push(() => pool.ended || pool.end())
    return pool
  }

  /** Ends every connection of `name`, and waits until the server has none left. */
  async function kill(name: string): Promise<number> {
    const killed = await admin.query(
      'select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1',
      [name],
    )
    return killed.rows.length
  }

  async function untilRunning(name: string, part: string): Promise<void> {
    const text = 'select 1 from pg_stat_activity where application_name = $1 and state = $2 and query like $3'
    while ((await admin.query(text, [name, 'active', `%${part}%`])).rowCount === 0);
  }

  test('answer arrays, with all but small numbers and booleans as text, whatever parsers the program has set', async () => {
    const { executor } = open()
    const original = pg.types.getTypeParser(20)
    pg.types.setTypeParser(20, (text) => BigInt(text))
    cleanups.push(() => pg.types.setTypeParser(20, original))
    const text = `select 1::int2, 2::int4, 1.5::float8, true, null, 3::int8, 4.50::numeric, '{"a": 1}'::jsonb, '[1]'::json,
      '2020-01-02'::date, '2020-01-02 03:04:05.678901+00'::timestamptz at time zone 'utc', array[1, 2], 'x'::text, '\\x00'::bytea`
    expect(await executor.query(text)).toEqual([
      [
        1,
        2,
        1.5,
        true,
        null,
        '3',
        '4.50',
        '{"a": 1}',
        '[1]',
        '2020-01-02',
        '2020-01-02 03:04:05.678901',
        '{1,2}',
        'x',
        '\\x00',
      ],
    ])
    const arrays = await executor.query('select $1::bigint[], $2::text[], $3::jsonb', [[1n, 2n], ['a"b', null], null])
    expect(arrays).toEqual([['{1,2}', '{"a\\"b",NULL}', null]])
  })

  test('run by name when they are repeated, and without one where a name does not hold', async () => {
    const { executor } = open({ max: 1 })
    const repeated = { isRepeated: true }
    await executor.query('select $1::int', [1], repeated)
    expect(await executor.query('select $1::int', [2], repeated)).toEqual([[2]])
    const named = () => executor.query(`select count(*)::int from pg_prepared_statements where name like 'millrace_%'`)
    expect(await named()).toEqual([[1]])
    // What a pooler does that hands each statement to another connection.
    await executor.query('deallocate all')
    expect(await executor.query('select $1::int', [3], repeated)).toEqual([[3]])
    expect(await executor.query('select $1::int', [4], repeated)).toEqual([[4]])
    expect(await named()).toEqual([[0]])
  })

  test('are sent again when the result of a repeated one has changed', async () => {
    const { executor } = open({ max: 1 })
    const repeated = { isRepeated: true }
    const table = `changing_${process.pid}`
    await executor.script(`create table ${table} as select 1 as a`)
    try {
      expect(await executor.query(`select * from ${table}`, [], repeated)).toEqual([[1]])
      await executor.script(`alter table ${table} add column b int`)
      expect(await executor.query(`select * from ${table}`, [], repeated)).toEqual([[1, null]])
    } finally {
      await executor.script(`drop table ${table}`)
    }
  })

  test('50 at a time share a pool of one', async () => {
    const { executor, name } = open({ max: 1 })
    expect(executor.parallelism).toBe(1)
    const rows = await Promise.all(
      Array.from({ length: 50 }, (_, index) => executor.query('select $1::int, pg_backend_pid()', [index])),
    )
    expect(rows.map(([row]) => row?.[0])).toEqual(Array.from({ length: 50 }, (_, index) => index))
    expect(new Set(rows.map(([row]) => row?.[1])).size).toBe(1)
    expect(await kill(name)).toBe(1)
  })

  test('find the schemas of the search path that the URL asks for, however they are named', async () => {
    const schema = `it's "a" \\ b ${crypto.randomUUID()}`
    await admin.query(`create schema ${pg.escapeIdentifier(schema)}`)
    cleanups.push(() => admin.query(`drop schema ${pg.escapeIdentifier(schema)} cascade`))
    const connection = new URL(url)
    connection.searchParams.set('search_path', `"${schema.replaceAll('"', '""')}", public`)
    const { executor } = open({ connectionString: connection.href })
    expect(await executor.query('select current_schema()')).toEqual([[schema]])
  })

  describe('a connection', () => {
    test('killed while idle harms nobody, in a pool of ours and in one of the user', async () => {
      const { executor, name } = open({ max: 3 })
      await Promise.all([1, 2, 3].map(() => executor.query('select pg_sleep(0.05)')))
      expect(await kill(name)).toBe(3)
      expect(await executor.query('select 1')).toEqual([[1]])
      const pool = userPool()
      const overUsers = new PoolExecutor({ pool })
      await overUsers.query('select 1')
      await kill(pool.options.application_name ?? '')
      expect(await overUsers.query('select 1')).toEqual([[1]])
      await overUsers.close()
    })

    test.each(['own', 'user'])('killed under a statement rejects with an unknown outcome (%s pool)', async (kind) => {
      const own = open()
      const pool = userPool({ application_name: own.name })
      const executor = kind === 'own' ? own.executor : new PoolExecutor({ pool })
      const answer = reasonOf(executor.query('select pg_sleep(20)'))
      await untilRunning(own.name, 'pg_sleep')
      await kill(own.name)
      expect(await answer).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        details: { outcome: 'unknown' },
        cause: expect.any(Error),
      })
      expect(await executor.query('select 1')).toEqual([[1]])
      await executor.close()
    })

    test('that breaks without a word from the server rejects with an unknown outcome', async () => {
      const proxy = await openProxy(url)
      cleanups.push(() => proxy.close())
      const { executor, name } = open({ connectionString: proxy.url })
      await executor.query('select 1')
      const answer = reasonOf(executor.query('select pg_sleep(20)'))
      await untilRunning(name, 'pg_sleep')
      proxy.cut()
      const error = await answer
      expect([outcomeUnknown(error), isTransient(error)]).toEqual([true, true])
    })

    test('that is refused means that nothing was sent', async () => {
      const { executor } = open({ connectionString: 'postgres://u@127.0.0.1:1/d' })
      const error = await reasonOf(executor.query('select 1'))
      expect(error).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        details: { outcome: 'none', storeCode: 'ECONNREFUSED' },
      })
      expect(isTransient(error)).toBe(true)
    })

    test('that the server never answers is given up within its limit', async () => {
      const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      cleanups.push(() => silent.close())
      const { port } = silent.address() as AddressInfo
      const { executor } = open({ connectionString: `postgres://u@127.0.0.1:${port}/d`, connectionTimeoutMillis: 100 })
      await expect(executor.query('select 1')).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        details: { outcome: 'none' },
      })
    })

    test('that no pool has free is waited for within a limit, and goes back when it comes too late', async () => {
      const pool = userPool({ max: 1 })
      const executor = new PoolExecutor({ pool }, { connectTimeoutMs: 50 })
      const held = await pool.connect()
      await expect(executor.query('select 1')).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('within 50 ms'),
        details: { outcome: 'none' },
      })
      held.release()
      expect(await executor.query('select 1')).toEqual([[1]])
      expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0])
      await executor.close()
    })
  })

  test('past their time limit are given up, with their connection', async () => {
    const { executor } = open({ max: 1 })
    const [[pid] = []] = await executor.query('select pg_backend_pid()')
    await expect(executor.query('select pg_sleep(20)', [], { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
      details: { outcome: 'unknown' },
    })
    expect(await executor.query('select pg_backend_pid()')).not.toEqual([[pid]])
    await admin.query('select pg_cancel_backend($1)', [pid])
  })

  test('cancelled by the server had no effect, and keep their connection', async () => {
    const { executor } = open({ max: 1, options: '-c statement_timeout=50' })
    const [[pid] = []] = await executor.query('select pg_backend_pid()')
    await expect(executor.query('select pg_sleep(20)')).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
      details: { outcome: 'none', storeCode: '57014' },
    })
    expect(await executor.query('select pg_backend_pid()')).toEqual([[pid]])
  })

  test('refused by a read-only server give their connection up, so that the next finds the new primary', async () => {
    const { executor } = open({ max: 1, options: '-c default_transaction_read_only=on' })
    const [[pid] = []] = await executor.query('select pg_backend_pid()')
    const error = await reasonOf(executor.query('create table never (a int)'))
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', details: { storeCode: '25006', outcome: 'none' } })
    expect(await executor.query('select pg_backend_pid()')).not.toEqual([[pid]])
  })

  test('of a script take effect together or not at all', async () => {
    const { executor } = open({ max: 1 })
    await executor.script('create temporary table t (a int); insert into t values (1); insert into t values (2)')
    await expect(executor.script('insert into t values (3); select 1/0')).rejects.toMatchObject({
      details: { storeCode: '22012', outcome: 'none' },
    })
    expect(await executor.query('select count(*)::int from t')).toEqual([[2]])
    await expect(executor.script('select pg_sleep(20)', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
      details: { outcome: 'none' },
    })
  })

  test("end with the queue when the pool is ours, and not when it is the user's", async () => {
    const { executor } = open()
    await executor.query('select 1')
    await executor.close()
    await executor.close()
    await expect(executor.query('select 1')).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })

    const pool = userPool()
    const like: PoolLike = pool
    const overUsers = new PoolExecutor({ pool: like })
    await overUsers.query('select 1')
    const client = await pool.connect()
    await overUsers.close()
    expect([pool.listenerCount('error'), pool.listenerCount('acquire'), client.listenerCount('error')]).toEqual([
      0, 0, 0,
    ])
    client.release()
    expect((await pool.query('select 1 as a')).rows).toEqual([{ a: 1 }])

    const late = new PoolExecutor({ pool })
    await pool.end()
    const error = await reasonOf(late.query('select 1'))
    expect(error).toMatchObject({ code: 'STORE_FAILED', details: { outcome: 'none' } })
    expect(isTransient(error)).toBe(false)
  })

  describe('in a transaction', () => {
    test('are committed together; rows come as objects, parsed as usual', async () => {
      const { executor } = open({ max: 1 })
      const answer = await executor.transaction(async (client) => {
        await client.query('create temporary table t (a int)')
        const [inserted] = await Promise.all([
          client.query('insert into t values ($1), ($2)', [1, 2]),
          client.query('insert into t values (3)'),
        ])
        expect(inserted.rowCount).toBe(2)
        return (await client.query('select max(a) as top, now() as at from t')).rows
      })
      expect(answer).toEqual([{ top: 3, at: expect.any(Date) }])
      expect(await executor.query('select count(*)::int from t')).toEqual([[3]])
    })

    test('are rolled back when the function throws, and its error passes as it is', async () => {
      const { executor } = open({ max: 1 })
      await executor.script('create temporary table t (a int)')
      const own = new Error('mine')
      const failing = executor.transaction(async (client) => {
        await client.query('insert into t values (1)')
        throw own
      })
      await expect(failing).rejects.toBe(own)
      expect(await executor.query('select count(*)::int from t')).toEqual([[0]])
    })

    test('are not reported as committed when one failed and its error was swallowed', async () => {
      const { executor } = open({ max: 1 })
      const swallowing = executor.transaction(async (client) => {
        await expect(client.query('select 1/0')).rejects.toMatchObject({ details: { storeCode: '22012' } })
      })
      await expect(swallowing).rejects.toMatchObject({ code: 'STORE_FAILED', details: { outcome: 'none' } })
      expect(await executor.query('select 1')).toEqual([[1]])
    })

    test('that is held too long is rolled back, idle or not, and refuses what comes later', async () => {
      const { executor } = open({ max: 1 })
      await executor.script('create temporary table t (a int)')
      let late: Promise<unknown> = Promise.resolve()
      const idle = executor.transaction(
        async (client) => {
          await client.query('insert into t values (1)')
          await new Promise((resolve) => setTimeout(resolve, 150))
          late = client.query('insert into t values (2)')
          await late
        },
        { timeoutMs: 50 },
      )
      await expect(idle).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
      // Still the same connection, for it has the temporary table.
      expect(await executor.query('select count(*)::int from t')).toEqual([[0]])
      await expect
        .poll(() =>
          late.then(
            () => 'sent',
            (error: { code: string }) => error.code,
          ),
        )
        .toBe('OPTION_INVALID')
      const busy = executor.transaction((client) => client.query('select pg_sleep(20)'), { timeoutMs: 50 })
      await expect(busy).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
      expect(await executor.query('select 1')).toEqual([[1]])
    })

    test('whose connection breaks had no effect for certain', async () => {
      const { executor, name } = open({ max: 1 })
      const broken = executor.transaction(async (client) => {
        await client.query('select 1')
        await kill(name)
        await client.query('select 2')
      })
      await expect(broken).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', details: { outcome: 'none' } })
      expect(await executor.query('select 1')).toEqual([[1]])
    })
  })
})

/** Why `promise` rejected. */
function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'it did not reject',
    (reason: unknown) => reason,
  )
}

/** A server that hands everything to `target`, until `cut` resets what is connected. */
async function openProxy(target: string) {
  const address = new URL(target)
  const { port, hostname } = address
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  address.port = String((server.address() as AddressInfo).port)
  const cut = (): void => sockets.forEach((socket) => socket.resetAndDestroy())
  const close = (): void => {
    server.close()
    cut()
  }
  return { url: address.href, cut, close }
}

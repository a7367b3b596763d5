import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createPool, type DatabaseConfig, initJobQueue, type JobQueue, type RawPool } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 3: what `initJobQueue` takes and how it reaches the database.

const URL_WITHOUT_SERVER = 'postgres://nobody:secret@127.0.0.1:1/nothing'
const CA = '-----BEGIN CERTIFICATE-----\nCA\n-----END CERTIFICATE-----'
const CERT = '-----BEGIN CERTIFICATE-----\nCERT\n-----END CERTIFICATE-----'
const KEY = '-----BEGIN PRIVATE KEY-----\nKEY\n-----END PRIVATE KEY-----'

const unused: JobQueue[] = []

/** What the pool of a queue would connect with; no connection is made. */
function poolOptions(databaseConfig: DatabaseConfig): pg.PoolOptions {
  const queue = initJobQueue({ databaseConfig })
  unused.push(queue)
  const pool = queue.getPool()
  if (!(pool instanceof pg.Pool)) throw new Error('`getPool` answers a pool of `pg`')
  return pool.options
}

function tlsOptions(databaseConfig: DatabaseConfig): Record<string, unknown> {
  const { ssl } = poolOptions(databaseConfig)
  if (typeof ssl !== 'object') throw new Error('no TLS was asked for')
  return { ca: ssl.ca, cert: ssl.cert, key: ssl.key, rejectUnauthorized: ssl.rejectUnauthorized }
}

afterEach(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await Promise.all(unused.splice(0).map((queue) => queue.close()))
})

describe('what is refused at once', () => {
  it('throws for a backend that does not exist', () => {
    expect(() => initJobQueue({ backend: 'mysql' } as never)).toThrow('Unknown backend: mysql')
  })

  it('throws when PostgreSQL is given neither a pool nor a configuration', () => {
    const message = 'PostgreSQL backend requires either "databaseConfig" or "pool" to be provided.'
    vi.stubEnv('DATABASE_URL', URL_WITHOUT_SERVER)
    for (const config of [
      { backend: 'postgres' },
      { databaseConfig: undefined },
      { pool: undefined },
      { dataDir: 'x' },
    ])
      expect(() => initJobQueue(config as never)).toThrow(message)
  })

  it('throws when Redis is given neither a client nor a configuration', () => {
    const message = 'Redis backend requires either "redisConfig" or "client" to be provided.'
    expect(() => initJobQueue({ backend: 'redis' } as never)).toThrow(message)
  })

  it('throws for an embedded database that would be in no folder', () => {
    for (const dataDir of ['memory://', 'idb://jobs', '', 5])
      expect(() => initJobQueue({ backend: 'pglite', dataDir } as never)).toThrow(
        '`dataDir` must be the path of a folder',
      )
  })

  it('names an unknown option', () => {
    expect(() => initJobQueue({ databaseConfig: {}, schmea: 'x' } as never)).toThrow(/schmea/)
  })
})

describe('a configuration that names no database', () => {
  it('means that of DATABASE_URL, as none at all does', () => {
    vi.stubEnv('DATABASE_URL', URL_WITHOUT_SERVER)
    for (const config of [undefined, {}, { leaseMs: 5000, schema: 'mine', listen: false }]) {
      const queue = initJobQueue(config)
      unused.push(queue)
      const pool = queue.getPool()
      expect(pool instanceof pg.Pool && pool.options.connectionString).toBe(URL_WITHOUT_SERVER)
    }
  })

  it('means the embedded one without DATABASE_URL, and its other options hold', () => {
    vi.stubEnv('DATABASE_URL', '')
    const queue = initJobQueue({ leaseMs: 5000 })
    unused.push(queue)
    expect(() => queue.getPool()).toThrow('getPool() is only available with the PostgreSQL backend.')
    expect(() => initJobQueue({ leaseMs: 1 })).toThrow(/leaseMs/)
    expect(() => initJobQueue({ schmea: 'x' } as never)).toThrow(/schmea/)
  })
})

describe('the pool that a configuration gives', () => {
  it('has the documented defaults', () => {
    const { max, min, idleTimeoutMillis } = poolOptions({ connectionString: URL_WITHOUT_SERVER })
    expect({ max, min, idleTimeoutMillis }).toEqual({ max: 10, min: 0, idleTimeoutMillis: 10_000 })
  })

  it('waits for a connection within a limit, also where none was asked for', () => {
    expect(poolOptions({ connectionString: URL_WITHOUT_SERVER }).connectionTimeoutMillis).toBe(10_000)
    expect(
      poolOptions({ connectionString: URL_WITHOUT_SERVER, connectionTimeoutMillis: 0 }).connectionTimeoutMillis,
    ).toBe(60_000)
  })

  it('takes every setting as given', () => {
    const given = {
      host: 'db',
      port: 6543,
      database: 'app',
      user: 'me',
      password: 'pw',
      max: 7,
      min: 2,
      idleTimeoutMillis: 5,
      connectionTimeoutMillis: 9,
    }
    expect(poolOptions(given)).toMatchObject(given)
  })

  it('can be made by itself, for code of yours and a queue', async () => {
    vi.stubEnv('PGSSLROOTCERT', CA)
    const pool = createPool<RawPool & { readonly options: Readonly<Record<string, unknown>> }>({
      connectionString: `${URL_WITHOUT_SERVER}?search_path=app`,
      ssl: {},
      max: 3,
    })
    expect(pool.options).toMatchObject({ max: 3, connectionTimeoutMillis: 10_000, ssl: { ca: CA } })
    const queue = initJobQueue({ pool })
    unused.push(queue)
    expect(queue.getPool()).toBe(pool)
    await pool.end()
    expect(() => createPool({ port: -1 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it('is not connected by initialising', async () => {
    const queue = initJobQueue({ databaseConfig: { host: '/nowhere', user: 'nobody', database: 'nothing' } })
    unused.push(queue)
    await expect(queue.ready()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

describe('ssl', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-pem-'))
    for (const [name, text] of Object.entries({ ca: CA, cert: CERT, key: KEY })) writeFileSync(join(folder, name), text)
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = (name: string): string => pathToFileURL(join(folder, name)).href

  it('takes PEM text as it is', () => {
    const ssl = { ca: CA, cert: CERT, key: KEY }
    expect(tlsOptions({ connectionString: URL_WITHOUT_SERVER, ssl })).toEqual({ ...ssl, rejectUnauthorized: true })
  })

  it('reads a file named by a file:// URL', () => {
    const ssl = { ca: file('ca'), cert: file('cert'), key: file('key') }
    expect(tlsOptions({ connectionString: URL_WITHOUT_SERVER, ssl })).toMatchObject({ ca: CA, cert: CERT, key: KEY })
  })

  it('falls back to PGSSLROOTCERT, PGSSLCERT and PGSSLKEY, each by itself', () => {
    vi.stubEnv('PGSSLROOTCERT', CA)
    vi.stubEnv('PGSSLCERT', file('cert'))
    vi.stubEnv('PGSSLKEY', KEY)
    expect(tlsOptions({ connectionString: URL_WITHOUT_SERVER, ssl: {} })).toMatchObject({
      ca: CA,
      cert: CERT,
      key: KEY,
    })
    const own = CA.replace('CA', 'OWN')
    expect(tlsOptions({ connectionString: URL_WITHOUT_SERVER, ssl: { ca: own } })).toMatchObject({
      ca: own,
      cert: CERT,
      key: KEY,
    })
  })

  it('verifies the server unless told not to', () => {
    expect(tlsOptions({ connectionString: URL_WITHOUT_SERVER, ssl: {} })['rejectUnauthorized']).toBe(true)
    expect(
      tlsOptions({ connectionString: URL_WITHOUT_SERVER, ssl: { rejectUnauthorized: false } })['rejectUnauthorized'],
    ).toBe(false)
  })

  it('does not verify the server under sslmode=no-verify', () => {
    expect(tlsOptions({ connectionString: `${URL_WITHOUT_SERVER}?sslmode=no-verify` })['rejectUnauthorized']).toBe(
      false,
    )
  })

  it('keeps a CA of its own beside any sslmode, and warns', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const connectionString = `${URL_WITHOUT_SERVER}?sslmode=require`
    expect(tlsOptions({ connectionString, ssl: { ca: CA } })['ca']).toBe(CA)
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[0]).toContain('sslmode=require')
  })

  it('names the setting whose file cannot be read', () => {
    const ssl = { ca: 'file:///nowhere/ca.pem' }
    expect(() => initJobQueue({ databaseConfig: { connectionString: URL_WITHOUT_SERVER, ssl } })).toThrow(/ssl\.ca/)
  })
})

describe.skipIf(!hasServer)('on a server', () => {
  const api = useApi('api_initialising')

  it('sets the search_path of the URL on every connection, and keeps the instance in its first schema', async () => {
    const url = new URL(serverUrl)
    url.searchParams.set('search_path', 'api_initialising,public')
    const queue = initJobQueue({ databaseConfig: { connectionString: url.href, max: 2 }, listen: false })
    unused.push(queue)
    const jobId = await queue.addJob({ jobType: 'email', payload: {} })
    const paths = await Promise.all([1, 2].map(() => queue.getPool().query('show search_path')))
    const texts = paths.map(({ rows }) => String(rows[0]?.['search_path']).replaceAll(/[" ]/g, ''))
    expect(texts).toEqual(['api_initialising,public', 'api_initialising,public'])
    expect(await api.sql('select job_type from :schema.jobs where id = $1', [jobId])).toEqual([{ job_type: 'email' }])
  })

  it('leaves a pool of the caller open, and takes its listeners off it', async () => {
    const pool = new pg.Pool({ connectionString: serverUrl, max: 2 })
    const before = pool.listenerCount('error')
    const queue = initJobQueue({ pool, schema: 'api_initialising', listen: false })
    expect(queue.getPool()).toBe(pool)
    await queue.addJob({ jobType: 'email', payload: {} })
    await queue.close()
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(pool.listenerCount('error')).toBe(before)
    await pool.end()
  })

  it('ends a pool of its own, and refuses calls after that', async () => {
    const queue = api.open()
    await queue.ready()
    const pool = queue.getPool()
    await queue.close()
    expect(Reflect.get(pool, 'ended')).toBe(true)
    await expect(queue.addJob({ jobType: 'email', payload: {} })).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
  })

  it('prefers a pool over a configuration', () => {
    const pool = new pg.Pool({ connectionString: serverUrl })
    const queue = api.open({ pool, databaseConfig: { connectionString: URL_WITHOUT_SERVER } })
    expect(queue.getPool()).toBe(pool)
  })

  it('works with a pool of one, and adds from many callers at once', async () => {
    const queue = api.open({ databaseConfig: { connectionString: serverUrl, max: 1 } })
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, n) => queue.addJob({ jobType: 'email', payload: { n } })),
    )
    expect(new Set(ids).size).toBe(50)
  })

  it('has no Redis client', () => {
    expect(() => api.queue.getRedisClient()).toThrow('getRedisClient() is only available with the Redis backend.')
  })

  it('has no pool on the embedded database', async () => {
    const embedded = initJobQueue({ backend: 'pglite', dataDir: join(tmpdir(), 'millrace-never-opened') })
    expect(() => embedded.getPool()).toThrow('getPool() is only available with the PostgreSQL backend.')
    await embedded.close()
  })

  it('logs only when verbose', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await api.queue.addJob({ jobType: 'email', payload: {} })
    expect(log).not.toHaveBeenCalled()
    await api.open({ verbose: true }).addJob({ jobType: 'email', payload: {} })
    expect(log.mock.calls.flat().join('\n')).toContain('job.added')
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import type { DatabaseConfig } from './connection.ts'
import { heartbeatConnection, resolveConnection, schemaFromUrl, validateSchemaName } from './connection.ts'
import { searchPathOf, searchPathOption } from './search-path.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const URL = 'postgres://u:p%40ss@db.example:6543/app'
const folder = mkdtempSync(join(tmpdir(), 'millrace-connection-'))
const file = join(folder, 'ca.crt')
writeFileSync(file, PEM)
afterAll(() => rmSync(folder, { recursive: true }))

function settings(config: DatabaseConfig, env: NodeJS.ProcessEnv = {}) {
  return resolveConnection(config, env).pool
}

/** What pg makes of our settings, which is what counts. */
function seenByPg(config: DatabaseConfig, env: NodeJS.ProcessEnv = {}) {
  const client = new pg.Client({ ...settings(config, env) })
  return { host: client.host, port: client.port, user: client.user, database: client.database, ssl: client.ssl }
}

describe('defaults', () => {
  test('are those of seed 003, but no wait is endless', () => {
    expect(settings({ connectionString: URL })).toEqual({
      connectionString: URL,
      max: 10,
      min: 0,
      idleTimeoutMillis: 10_000,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      application_name: 'millrace',
    })
    expect(settings({ host: 'h', connectionTimeoutMillis: 0 }).connectionTimeoutMillis).toBe(60_000)
  })

  test('give way to what is given, to PGAPPNAME and to settings of pg that are not ours', () => {
    const given = { host: 'h', keepAlive: false, application_name: 'mine', statement_timeout: 5, user: undefined }
    expect(settings(given)).toMatchObject({
      host: 'h',
      keepAlive: false,
      application_name: 'mine',
      statement_timeout: 5,
    })
    expect(settings(given)).not.toHaveProperty('user')
    expect(settings({ host: 'h' }, { PGAPPNAME: 'env' }).application_name).toBe('env')
  })
})

describe('a bad value', () => {
  test.each([
    [{ port: 0 }, 'port'],
    [{ port: 1.5 }, 'port'],
    [{ max: 0 }, 'max'],
    [{ max: 2, min: 3 }, 'min'],
    [{ idleTimeoutMillis: -1 }, 'idleTimeoutMillis'],
    [{ connectionTimeoutMillis: Number.NaN }, 'connectionTimeoutMillis'],
    [{ connectionString: undefined }, 'connectionString'],
    [{ connectionString: 'mysql://u:secret@h/d' }, 'connectionString'],
    [{ host: 'h', ssl: { ca: '/path/without/scheme' } }, 'ssl.ca'],
    [{ host: 'h', ssl: { key: 'file:///nowhere/client.key' } }, 'ssl.key'],
  ])('%j is refused by the name of its field', (config, field) => {
    const refusal = expect.objectContaining({
      code: 'CONFIG_INVALID',
      details: expect.objectContaining({ field: `databaseConfig.${field}` }),
      message: expect.not.stringContaining('secret'),
    })
    expect(() => settings(config)).toThrow(refusal)
  })

  test('of a type that the compiler would have refused is refused as well', () => {
    const config: object = { host: 7, ssl: 'yes' }
    expect(() => settings(config)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  test('an undefined URL passes when the environment names a server', () => {
    expect(settings({ connectionString: undefined }, { PGHOST: 'h' })).not.toHaveProperty('connectionString')
  })
})

describe('TLS', () => {
  test('is left to pg when nobody asks for it', () => {
    expect(settings({ connectionString: URL }, { PGSSLROOTCERT: PEM })).not.toHaveProperty('ssl')
  })

  test.each(['require', 'prefer', 'verify-ca', 'verify-full'])('sslmode=%s verifies the server, as in pg 8', (mode) => {
    expect(seenByPg({ connectionString: `${URL}?sslmode=${mode}` }).ssl).toEqual({ rejectUnauthorized: true })
  })

  test('sslmode=no-verify does not verify, sslmode=disable is no TLS', () => {
    expect(seenByPg({ connectionString: `${URL}?sslmode=no-verify` }).ssl).toEqual({ rejectUnauthorized: false })
    expect(seenByPg({ connectionString: `${URL}?sslmode=disable` }).ssl).toBe(false)
    expect(seenByPg({ connectionString: `${URL}?sslmode=no-verify`, ssl: {} }).ssl).toEqual({
      rejectUnauthorized: false,
    })
  })

  test('takes certificates as text, as file:// and from the environment', () => {
    expect(settings({ host: 'h', ssl: { ca: PEM } }).ssl).toEqual({ ca: PEM, rejectUnauthorized: true })
    expect(settings({ host: 'h', ssl: { ca: pathToFileURL(file).href } }).ssl).toEqual({
      ca: PEM,
      rejectUnauthorized: true,
    })
    const env = { PGSSLROOTCERT: PEM, PGSSLCERT: pathToFileURL(file).href, PGSSLKEY: file }
    const all = { ca: PEM, cert: PEM, key: PEM, rejectUnauthorized: true }
    expect(settings({ host: 'h', ssl: { ca: undefined, cert: '' } }, env).ssl).toEqual(all)
    expect(settings({ connectionString: `${URL}?sslmode=require` }, env).ssl).toEqual(all)
    expect(settings({ host: 'h' }, { ...env, PGSSLMODE: 'require' }).ssl).toEqual(all)
    expect(settings({ host: 'h', ssl: { ca: PEM.replaceAll('\n', '\\n') } }).ssl).toMatchObject({ ca: PEM })
    expect(settings({ connectionString: `${URL}?sslrootcert=${file}` }).ssl).toEqual({
      ca: PEM,
      rejectUnauthorized: true,
    })
  })

  test('with certificates of its own works beside sslmode, and says once that the mode is ignored', () => {
    const config = { connectionString: `${URL}?sslmode=require&application_name=x`, ssl: { ca: PEM } }
    expect(resolveConnection(config, {}).warnings).toEqual([expect.stringContaining('sslmode=require')])
    expect(seenByPg(config)).toEqual({
      host: 'db.example',
      port: 6543,
      user: 'u',
      database: 'app',
      ssl: { ca: PEM, rejectUnauthorized: true },
    })
    expect(resolveConnection({ connectionString: URL, ssl: { ca: PEM } }, {}).warnings).toEqual([])
  })

  test('keeps what the user chose for pg itself', () => {
    const url = `${URL}?uselibpqcompat=true&sslmode=require`
    expect(settings({ connectionString: url }).connectionString).toBe(url)
    expect(settings({ host: 'h', ssl: false })).toMatchObject({ ssl: false })
    expect(seenByPg({ connectionString: `${URL}?sslnegotiation=direct`, ssl: { ca: PEM } }).ssl).toMatchObject({
      ca: PEM,
    })
  })
})

describe('search_path', () => {
  test.each([
    ['', undefined],
    ['?search_path=', undefined],
    ['?search_path=jobs', 'jobs'],
    ['?sslmode=disable&search_path=Jobs,public', 'jobs'],
    ['?search_path=%22My%20Jobs%22%2C+public', 'My Jobs'],
    ['?options=-c%20search_path%3Djobs%2Cpublic', 'jobs'],
    ['?options=-c%20statement_timeout%3D5%20--search-path%3Dother', 'other'],
    ['?options=-csearch_path%3Da%20-c%20search_path%3Db', 'b'],
    ['?search_path=%22%24user%22,public', undefined],
  ])('of %j names the schema %j', (query, schema) => {
    expect(schemaFromUrl(URL + query)).toBe(schema)
  })

  test.each(['a b', 'a;drop table x', '"a', 'a,,b', '"";x'])('%j is no list of names', (text) => {
    expect(() => schemaFromUrl(`${URL}?search_path=${encodeURIComponent(text)}`)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })

  test('moves from the URL into the start-up options, beside those that are there', () => {
    const { pool, schema } = resolveConnection({
      connectionString: `${URL}?options=-c%20statement_timeout%3D5&search_path=%22A%20b%22&x=%2F`,
    })
    expect(schema).toBe('A b')
    expect(pool.connectionString).toBe(`${URL}?x=%2F`)
    expect(pool.options).toBe('-c statement_timeout=5 -c search_path="A\\ b"')
    expect(resolveConnection({ host: 'h', options: '-c search_path=jobs' }).schema).toBe('jobs')
  })

  test('of any names is read back from its option as it was', () => {
    const name = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !/[\0\p{Surrogate}]/u.test(text))
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        const url = `postgres://h/d?options=${encodeURIComponent(searchPathOption(names))}`
        expect(searchPathOf(url)).toEqual(names)
      }),
    )
  })
})

describe('the name of a schema', () => {
  test.each(['millrace', 'My Jobs', 'a-b_c', '1st', 'schéma', 'Jobs "x" $1', 'a.b', 'x'.repeat(48)])(
    '%j is accepted',
    (name) => {
      expect(validateSchemaName(name)).toBe(name)
    },
  )

  test.each([
    '',
    "a'b",
    'a\\b',
    'a:b',
    'a\0b',
    ' a',
    'a ',
    'a$$b',
    '$a$',
    'a%b',
    'a\nb',
    'pg_x',
    'x'.repeat(49),
    'é'.repeat(25),
  ])('%j is refused', (name) => {
    expect(() => validateSchemaName(name)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', details: expect.objectContaining({ field: 'schema' }) }),
    )
  })
})

describe('the connection of the heartbeat thread', () => {
  test('is plain data, with the key that pg has hidden in the settings', () => {
    const resolved = settings({ connectionString: URL, ssl: { key: PEM, cert: PEM } })
    new pg.Client({ ...resolved })
    expect(heartbeatConnection(resolved)).toMatchObject({ connectionString: URL, ssl: { key: PEM, cert: PEM } })
    expect(heartbeatConnection(resolved)).not.toHaveProperty('max')
  })

  test('is null when the settings hold a function', () => {
    expect(heartbeatConnection(settings({ host: 'h', password: () => 'secret' }))).toBeNull()
  })
})

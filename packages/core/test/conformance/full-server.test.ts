import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { conformanceCases, runConformance } from '../../src/conformance/index.ts'
import { resolveConnection } from '../../src/postgres/connection.ts'
import { PoolExecutor } from '../../src/postgres/pool-executor.ts'
import { openPostgresTarget, type PostgresTarget } from '../support/postgres-target.ts'
import { poll } from '../support/poll.ts'
import { startServer, type TestServer } from '../support/servers.ts'

const register: (name: string, run: () => Promise<void>) => void = test

/** The one case left out: it opens twenty connections of its own and keeps them. */
const TOO_MANY = 'of twenty processes that migrate at the same time all end with a working schema'

const MAX_CONNECTIONS = 25
const RESERVED = 8
/** Connections left for the store, whose pool would like eight. */
const LEFT = 3

describe.skipIf(process.env['MILLRACE_TEST_PG18_URL'] === undefined)(
  'the contract on a server that others fill',
  () => {
    let server: TestServer
    let target: PostgresTarget
    const others: pg.Client[] = []
    const connect = async (): Promise<void> => {
      const client = new pg.Client({ connectionString: appUrl() })
      await client.connect()
      client.on('error', () => undefined)
      others.push(client)
    }
    const appUrl = (): string => {
      const address = new URL(server.url)
      address.username = 'app'
      return address.href
    }

    beforeAll(async () => {
      server = await startServer({ max_connections: MAX_CONNECTIONS, superuser_reserved_connections: RESERVED })
      const admin = new pg.Client({ connectionString: server.url })
      await admin.connect()
      await admin.query('create role app login')
      await admin.query('grant create on database postgres to app')
      await admin.end()
      target = await openPostgresTarget(server.url, 'millrace_full', {
        storeUrl: appUrl(),
        callerUrl: server.url,
        idleTimeoutMillis: 200,
      })
      await fill(LEFT)
    })
    afterAll(async () => {
      await target.close()
      await Promise.all(others.map((client) => client.end()))
      await server.stop('immediate')
    })

    /** Takes every connection that is free, then gives back some. */
    async function fill(left: number): Promise<number> {
      let failure: unknown
      while (failure === undefined) failure = await connect().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: '53300' })
      await Promise.all(others.splice(0, left).map((client) => client.end()))
      return others.length
    }

    test('a statement that finds no room waits for some, and after its limit says that nothing was sent', async () => {
      const { pool: settings } = resolveConnection({ connectionString: appUrl(), max: 1 })
      // Until the store's idle connections are gone too.
      await poll(async () => (await fill(0)) === MAX_CONNECTIONS - RESERVED)
      const patient = new PoolExecutor({ settings })
      const hasty = new PoolExecutor({ settings: { ...settings, connectionTimeoutMillis: 300 } })
      try {
        const answer = patient.query('select 1')
        await expect(hasty.query('select 1')).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
          details: { storeCode: '53300', outcome: 'none' },
        })
        await others.pop()?.end()
        expect(await answer).toEqual([[1]])
      } finally {
        await Promise.all([patient.close(), hasty.close()])
        await fill(LEFT)
      }
    })

    test('the store takes what is left, and more than that is asked of it', async () => {
      expect(conformanceCases.map(({ name }) => name)).toContain(TOO_MANY)
      await Promise.all(Array.from({ length: 50 }, () => target.store.stats()))
      await expect(connect()).rejects.toMatchObject({ code: '53300' })
    })

    runConformance({
      name: 'a full server',
      openStore: () => Promise.resolve(target),
      test: (name, run) => {
        if (!name.endsWith(TOO_MANY)) register(name, run)
      },
    })
  },
)

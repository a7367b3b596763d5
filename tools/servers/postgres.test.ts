import { existsSync } from 'node:fs'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { postgresHome } from './binaries.mjs'
import { startPostgres } from './postgres.mjs'

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  // A killed server ends the connection with an error event, which must not end the test run.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ answer: unknown }>(sql)
    return rows[0]?.answer
  } finally {
    await client.end()
  }
}

function isAvailable(version: number): boolean {
  try {
    return postgresHome(version) !== ''
  } catch {
    return false
  }
}

describe.each([18, 14] as const)('a PostgreSQL %i server from npm', (version) => {
  test.skipIf(!isAvailable(version))(
    'starts durable, keeps its data over a crash, and leaves nothing behind',
    async () => {
      const server = await startPostgres({ version, settings: { max_connections: 20 } })
      try {
        expect(await ask(server.url, "select current_setting('server_version_num')::int / 10000 as answer")).toBe(
          version,
        )
        expect(await ask(server.url, "select current_setting('fsync') as answer")).toBe('on')
        expect(await ask(server.url, "select current_setting('max_connections') as answer")).toBe('20')
        await ask(server.url, 'create table kept as select 42 as answer')
        const before = server.pid
        await server.restart('kill')
        expect(server.pid).not.toBe(before)
        expect(await ask(server.url, 'select answer from kept')).toBe(42)
      } finally {
        await server.stop()
      }
      expect(existsSync(server.dataDir)).toBe(false)
      await expect(ask(server.url, 'select 1 as answer')).rejects.toThrow('ECONNREFUSED')
    },
  )
})

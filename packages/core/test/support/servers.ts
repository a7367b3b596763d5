import { fileURLToPath } from 'node:url'

/** A server of `tools/servers/postgres.mjs`; see there. */
export interface TestServer {
  readonly url: string
  readonly host: string
  readonly port: number
  stop(mode?: string): Promise<void>
}

export interface TestPooler {
  readonly url: string
  readonly version: string
  log(): string
  stop(): Promise<void>
}

/** A server of this test's own, without durability. */
export async function startServer(settings: Readonly<Record<string, string | number>> = {}): Promise<TestServer> {
  const { startPostgres } = (await load('postgres.mjs')) as { startPostgres: (options: object) => Promise<TestServer> }
  return startPostgres({ version: 18, settings: { fsync: 'off', ...settings } })
}

interface PoolerModule {
  readonly findPgbouncer: () => string | undefined
  readonly startPgbouncer: (server: { host: string; port: number }) => Promise<TestPooler>
}

/** Whether tests through PgBouncer can run; in CI they must. */
export async function hasPooler(): Promise<boolean> {
  const { findPgbouncer } = (await load('pgbouncer.mjs')) as PoolerModule
  return findPgbouncer() !== undefined || process.env['CI'] === 'true'
}

/** PgBouncer in transaction mode before the server at `url`. */
export async function startPooler(url: string): Promise<TestPooler> {
  const { startPgbouncer } = (await load('pgbouncer.mjs')) as PoolerModule
  const { hostname, port } = new URL(url)
  return startPgbouncer({ host: hostname, port: Number(port) })
}

function load(name: string): Promise<unknown> {
  return import(fileURLToPath(new URL(`../../../../tools/servers/${name}`, import.meta.url)))
}

import { fileURLToPath } from 'node:url'

/** A PostgreSQL server of a test's own. */
export interface OwnPostgres {
  readonly url: string
  readonly host: string
  readonly port: number
  stop(mode?: string): Promise<void>
}

/** A Redis server of a test's own. */
export interface OwnRedis {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

export interface OwnPooler {
  readonly url: string
  stop(): Promise<void>
}

type Settings = Readonly<Record<string, string | number>>

export async function startPostgres(settings: Settings): Promise<OwnPostgres> {
  const { startPostgres: start } = (await load('postgres.mjs')) as {
    startPostgres: (options: object) => Promise<OwnPostgres>
  }
  return start({ version: 18, settings: { fsync: 'off', ...settings } })
}

export async function startRedis(settings: Settings): Promise<OwnRedis> {
  const { startRedis: start } = (await load('redis.mjs')) as { startRedis: (settings: Settings) => Promise<OwnRedis> }
  return start(settings)
}

interface PoolerModule {
  readonly findPgbouncer: () => string | undefined
  readonly startPgbouncer: (server: { host: string; port: number }, settings: Settings) => Promise<OwnPooler>
}

/** PgBouncer before the server at `url`. */
export async function startPooler(url: string, settings: Settings): Promise<OwnPooler> {
  const { hostname, port } = new URL(url)
  const { startPgbouncer } = (await load('pgbouncer.mjs')) as PoolerModule
  return startPgbouncer({ host: hostname, port: Number(port) }, settings)
}

/** Whether this machine has PgBouncer; in CI it must. */
export async function hasPooler(): Promise<boolean> {
  const { findPgbouncer } = (await load('pgbouncer.mjs')) as PoolerModule
  return findPgbouncer() !== undefined || process.env['CI'] === 'true'
}

function load(name: string): Promise<unknown> {
  return import(fileURLToPath(new URL(`../../../../tools/servers/${name}`, import.meta.url)))
}

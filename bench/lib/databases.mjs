/** One server, and one database per participant, made from a template in which the participant's schema is ready. */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { startPostgres } from '../../tools/servers/postgres.mjs'
import { nowMs, treeCpuMs, watchForeignCpu } from './machine.mjs'

/** @typedef {Awaited<ReturnType<typeof openServer>>} Server */

const SHOWN = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'work_mem',
  'max_wal_size',
  'checkpoint_timeout',
  'max_connections',
  'autovacuum',
  'autovacuum_naptime',
  'jit',
]

/** Starts PostgreSQL 18 as it comes, but for what `tools/servers` sets to be reachable. */
export async function openServer() {
  const postgres = await startPostgres({ version: 18 })
  const admin = new pg.Client({ connectionString: postgres.url })
  await admin.connect()
  /** @param {string} name */
  const urlOf = (name) => postgres.url.replace(/\/postgres$/, `/${name}`)
  return {
    log: postgres.log,
    dataDir: postgres.dataDir,
    urlOf,
    /** @param {string} name */
    async drop(name) {
      await admin.query(`drop database if exists ${name} with (force)`)
    },
    /** @param {string} name @param {string} [template] */
    async create(name, template = 'template1') {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.query(`create database ${name} template ${template}`)
    },
    /** So that nobody pays for the pages that another participant left dirty. */
    async checkpoint() {
      await admin.query('checkpoint')
    },
    /** Starts to watch the processor time of the server, and of others. */
    watchCpu() {
      const start = treeCpuMs(postgres.pid)
      const startAt = nowMs()
      return {
        /** @param {number} jobs */
        usPer: (jobs) => ((treeCpuMs(postgres.pid) - start) * 1000) / jobs,
        percent: () => ((treeCpuMs(postgres.pid) - start) / (nowMs() - startAt)) * 100,
        foreignCores: watchForeignCpu(postgres.pid),
      }
    },
    /** @param {string} sql */
    async admin(sql) {
      return (await admin.query(sql)).rows
    },
    async settings() {
      const { rows } = await admin.query(
        `select name, current_setting(name) as value from pg_settings where name = any($1)`,
        [SHOWN],
      )
      return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
    },
    async stop() {
      await admin.end()
      await postgres.stop()
    },
  }
}

/**
 * Opens a connection for the time of a callback.
 *
 * @template T
 * @param {string} url
 * @param {(client: pg.Client) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withClient(url, use) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** The versions of what is compared, as package.json pins them. */
export function packageVersions() {
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return dependencies
}

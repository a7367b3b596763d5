import pg from 'pg'
import type { ConformanceTarget } from '../../src/conformance/index.ts'
import { systemClock } from '../../src/model/clock.ts'
import { resolveConnection, type DatabaseConfig } from '../../src/postgres/connection.ts'
import type { Executor } from '../../src/postgres/executor.ts'
import { listenClientFor, listenOn } from '../../src/postgres/listener.ts'
import { PoolExecutor } from '../../src/postgres/pool-executor.ts'
import { createPostgresStore } from '../../src/postgres/store.ts'
import type { DatabaseClient } from '../../src/store/enqueue.ts'
import type { Store } from '../../src/store/store.ts'
import { type ModelTarget, type SqlValue, sqlModelHooks } from './model-target.ts'

/** What `reset` and the other hooks run, on PostgreSQL wherever it is. */
export type RunSql = (text: string, values?: unknown[]) => Promise<unknown>

/** `name` as an identifier in SQL. */
export function quoted(name: string): string {
  return pg.escapeIdentifier(name)
}

/** Empties every table of the instance; its schema stays. */
export async function resetInstance(run: RunSql, schema: string): Promise<void> {
  const tables = [
    'jobs',
    'finished_jobs',
    'failed_jobs',
    'job_keys',
    'workers',
    'groups',
    'group_wakes',
    'cancel_requests',
    'leases',
    'sql_leases',
    'tenant_roles',
    'schedule_ticks',
    'schedules',
    'job_dependencies',
    'tag_barriers',
    'dependency_wakes',
    'job_steps',
    'job_signals',
    'tokens',
    'job_logs',
    'audit',
    'job_log_sizes',
    'paused_jobs',
    'pauses',
    'transfer_lots',
    'transfers',
    'metrics',
    'metric_spans',
    'metric_totals',
  ]
  for (const table of tables) await run(`delete from ${quoted(schema)}.${table}`)
  await run(`update ${quoted(schema)}.settings set group_limit = null where group_limit is not null`)
}

/** The hooks of a target that are plain SQL. */
export function sqlHooks(
  run: RunSql,
  schema: string,
): Pick<ConformanceTarget, 'expireWorker' | 'ageFinished' | 'reset' | 'uninstall'> {
  return {
    async expireWorker(worker) {
      await run(`update ${quoted(schema)}.workers set expires_at = clock_timestamp() - interval '1 ms' where id = $1`, [
        worker,
      ])
    },
    async ageFinished(id, days) {
      for (const table of ['finished_jobs', 'failed_jobs']) {
        await run(
          `update ${quoted(schema)}.${table} set finished_at = finished_at - $2::double precision * interval '1 day' where id = $1`,
          [id, days],
        )
      }
    },
    reset: () => resetInstance(run, schema),
    async uninstall() {
      await run(`drop schema ${quoted(schema)} cascade`)
    },
  }
}

export interface PostgresTarget extends ModelTarget {
  readonly value: SqlValue
  /** Makes the lease of every worker run out. */
  readonly expireAll: () => Promise<void>
  readonly close: () => Promise<void>
}

export interface PostgresTargetOptions {
  /** Where the store's statements go, if not straight to the server as the superuser: a pooler, or another role. */
  readonly storeUrl?: string
  /** Where the transactions of callers run, if not there too. */
  readonly callerUrl?: string
  /** When the store's pool gives up a connection that it does not need, in milliseconds. */
  readonly idleTimeoutMillis?: number
  /** Where it migrates, if as another role than it works. */
  readonly ownerUrl?: string
  /** Called with the superuser's connection before the first migration and after the schema was dropped. */
  readonly prepare?: (run: RunSql) => Promise<unknown>
  /** Called with the superuser's connection after a migration that changed something. */
  readonly onMigrated?: (run: RunSql) => Promise<unknown>
}

/** A schema of its own on a server, migrated; `close` drops it. Listening and what a test does behind the store are direct. */
export async function openPostgresTarget(
  url: string,
  schema: string,
  options: PostgresTargetOptions = {},
): Promise<PostgresTarget> {
  const { storeUrl = url, callerUrl = storeUrl, ownerUrl, prepare, onMigrated } = options
  const idle = options.idleTimeoutMillis === undefined ? {} : { idleTimeoutMillis: options.idleTimeoutMillis }
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  const callers = new pg.Pool({ connectionString: callerUrl, max: 2 })
  for (const pool of [admin, callers]) pool.on('error', () => undefined)
  const run: RunSql = (text, values) => admin.query(text, values)
  // As one step of a deployment would: grants given by two sessions at once fail.
  let grants = Promise.resolve<unknown>(undefined)
  const open = (size: number): Store => {
    const store = openStore({ connectionString: storeUrl, max: size, ...idle }, url, schema)
    const owner =
      ownerUrl === undefined ? store : openStore({ connectionString: ownerUrl, max: size, ...idle }, url, schema)
    return {
      ...store,
      async migrate({ mode }) {
        const { applied } = await owner.migrate({ mode })
        if (applied.length > 0) await (grants = grants.then(() => onMigrated?.(run)))
        return { applied }
      },
      async close() {
        await Promise.all([store.close(), owner.close()])
      },
    }
  }
  const store = open(8)
  const hooks = sqlHooks(run, schema)
  const value: SqlValue = (text) => firstValue(admin, schema, text)
  await run(`drop schema if exists ${quoted(schema)} cascade`)
  await prepare?.(run)
  await store.migrate({ mode: 'auto' })
  return {
    store,
    ...hooks,
    async uninstall() {
      await hooks.uninstall()
      await prepare?.(run)
    },
    openAnother: () => Promise.resolve(open(1)),
    transaction: (fn) => transaction(callers, fn),
    value,
    ...sqlModelHooks(value, schema),
    lockJob: (db, id) => lockRow(db, `${quoted(schema)}.jobs`, id),
    async expireAll() {
      await run(`update ${quoted(schema)}.workers set expires_at = clock_timestamp() - interval '1 ms'`)
    },
    async close() {
      await store.close()
      await callers.end()
      await run(`drop schema if exists ${quoted(schema)} cascade`)
      await admin.end()
    },
  }
}

/** A store on a pool of its own that listens at another address. */
function openStore(config: DatabaseConfig, listenUrl: string, schema: string): Store {
  const executor = new PoolExecutor({ settings: resolveConnection(config).pool })
  const direct = resolveConnection({ connectionString: listenUrl }).pool
  const listening: Executor = {
    kind: executor.kind,
    parallelism: executor.parallelism,
    query: executor.query.bind(executor),
    script: executor.script.bind(executor),
    listen: (options) => listenOn({ ...options, connect: listenClientFor(direct), clock: systemClock }),
    close: () => executor.close(),
  }
  return createPostgresStore({ executor: listening, schema })
}

async function lockRow(db: DatabaseClient, table: string, id: number): Promise<void> {
  await db.query(`select from ${table} where id = $1 for update`, [id])
}

async function transaction<T>(pool: pg.Pool, fn: (db: pg.ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await fn(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

async function firstValue(pool: pg.Pool, schema: string, template: string): Promise<unknown> {
  const text = template.replaceAll(':schema', () => quoted(schema))
  // Several statements give several results.
  const results = [await pool.query<unknown[]>({ text, rowMode: 'array' })].flat()
  return results.at(-1)?.rows[0]?.[0]
}

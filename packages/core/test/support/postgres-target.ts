import pg from 'pg'
import type { ConformanceTarget } from '../../src/conformance/index.ts'
import { systemClock } from '../../src/model/clock.ts'
import { resolveConnection } from '../../src/postgres/connection.ts'
import type { Executor } from '../../src/postgres/executor.ts'
import { listenClientFor, listenOn } from '../../src/postgres/listener.ts'
import { PoolExecutor } from '../../src/postgres/pool-executor.ts'
import { createPostgresStore } from '../../src/postgres/store.ts'
import type { Store } from '../../src/store/store.ts'

/** What `reset` and the other hooks run, on PostgreSQL wherever it is. */
export type RunSql = (text: string, values?: unknown[]) => Promise<unknown>

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
  ]
  for (const table of tables) await run(`delete from "${schema}".${table}`)
  await run(`update "${schema}".settings set group_limit = null where group_limit is not null`)
}

/** The hooks of a target that are plain SQL. */
export function sqlHooks(
  run: RunSql,
  schema: string,
): Pick<ConformanceTarget, 'expireWorker' | 'ageFinished' | 'reset' | 'uninstall'> {
  return {
    async expireWorker(worker) {
      await run(`update "${schema}".workers set expires_at = clock_timestamp() - interval '1 ms' where id = $1`, [
        worker,
      ])
    },
    async ageFinished(id, days) {
      await run(
        `update "${schema}".finished_jobs set finished_at = finished_at - $2::double precision * interval '1 day' where id = $1`,
        [id, days],
      )
    },
    reset: () => resetInstance(run, schema),
    async uninstall() {
      await run(`drop schema "${schema}" cascade`)
    },
  }
}

export interface PostgresTarget extends ConformanceTarget {
  /** Makes the lease of every worker run out. */
  readonly expireAll: () => Promise<void>
  readonly close: () => Promise<void>
}

/** A schema of its own on a server, migrated; `close` drops it. */
export async function openPostgresTarget(url: string, schema: string): Promise<PostgresTarget> {
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  admin.on('error', () => undefined)
  const open = (max: number): Store => {
    const { pool } = resolveConnection({ connectionString: url, max })
    const executor = new PoolExecutor({ settings: pool })
    const listening: Executor = {
      kind: executor.kind,
      parallelism: executor.parallelism,
      query: executor.query.bind(executor),
      script: executor.script.bind(executor),
      listen: (options) => listenOn({ ...options, connect: listenClientFor(pool), clock: systemClock }),
      close: () => executor.close(),
    }
    return createPostgresStore({ executor: listening, schema })
  }
  const store = open(8)
  await admin.query(`drop schema if exists "${schema}" cascade`)
  await store.migrate({ mode: 'auto' })
  return {
    store,
    ...sqlHooks((text, values) => admin.query(text, values), schema),
    openAnother: () => Promise.resolve(open(1)),
    async transaction(fn) {
      const client = await admin.connect()
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
    },
    async expireAll() {
      await admin.query(`update "${schema}".workers set expires_at = clock_timestamp() - interval '1 ms'`)
    },
    async close() {
      await store.close()
      await admin.query(`drop schema if exists "${schema}" cascade`)
      await admin.end()
    },
  }
}

import { type DatabaseConfig, resolveConnection } from './postgres/connection.ts'
import { createPool as createOwnPool, PoolGuard } from './postgres/pool.ts'
import type { RawPool } from './queue-api.ts'

/**
 * A `pg.Pool` as `initJobQueue({ databaseConfig })` would make it: TLS from files and `PGSSL*`, `search_path` of the URL, bounded
 * waits. Connects at its first query; whoever made it ends it. Pass it as `pool` to share it with a queue.
 *
 * @typeParam P - Its type, where the caller needs more of it: `const pool: pg.Pool = createPool(…)`.
 * @throws MillraceError `CONFIG_INVALID`.
 */
export function createPool<P extends RawPool = RawPool>(config: DatabaseConfig): P {
  const { pool: settings, warnings } = resolveConnection(config)
  // oxlint-disable-next-line no-console -- the documented warning about a custom CA beside `sslmode`
  for (const warning of warnings) console.warn(warning)
  const pool = createOwnPool(settings)
  // An idle connection that breaks must not end the process before a queue has the pool.
  new PoolGuard(pool)
  return pool as never
}

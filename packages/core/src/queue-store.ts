import { MillraceError } from './errors.ts'
import { systemClock } from './model/clock.ts'
import type { Transact, TransactionClient } from './model/transaction.ts'
import { heartbeatConnection, resolveConnection, validateSchemaName } from './postgres/connection.ts'
import type { Executor } from './postgres/executor.ts'
import { PoolExecutor } from './postgres/pool-executor.ts'
import type { PoolLike } from './postgres/pool.ts'
import { type ListenClient, listenClientFor, listenClientOf, listenOn } from './postgres/listener.ts'
import { toMillraceError } from './postgres/sqlstate.ts'
import { createPostgresStore } from './postgres/store.ts'
import type { PgliteJobQueueConfig, PostgresJobQueueConfig, ResolvedConfig } from './queue-config.ts'
import type { Store } from './store/store.ts'

/** What a PGlite of the user's own must have. */
export interface PgliteLike {
  query(
    query: string,
    params?: unknown[],
    options?: unknown,
  ): Promise<{ rows: unknown[]; affectedRows?: number | undefined }>
  exec(query: string): Promise<unknown>
  listen?(channel: string, callback: (payload: string) => void): Promise<unknown>
}

/** The store a queue works with, and what only its backend can do. */
export interface OpenedStore {
  readonly store: Store
  /** The raw pool; absent for other backends. */
  readonly pool?: PoolLike
  readonly transaction: Transact
}

/** Makes the store of a PostgreSQL configuration. No connection is made yet. */
export function createServerStore(
  config: PostgresJobQueueConfig,
  resolved: ResolvedConfig,
  warn: (message: string) => void,
): OpenedStore {
  if (config.pool !== undefined) return storeOverPool(config.pool, config, resolved)
  const { pool: settings, schema, warnings } = resolveConnection(config.databaseConfig ?? {})
  for (const warning of warnings) warn(warning)
  const executor = new PoolExecutor({ settings })
  const name = validateSchemaName(config.schema ?? schema ?? DEFAULT_SCHEMA)
  const store = createPostgresStore({
    executor: withListen(executor, resolved.listen ? listenClientFor(settings) : null),
    schema: name,
    with: resolved.with,
    heartbeatConnection: heartbeatConnection(settings),
  })
  return opened(store, executor)
}

function storeOverPool(pool: PoolLike, config: PostgresJobQueueConfig, resolved: ResolvedConfig): OpenedStore {
  const executor = new PoolExecutor({ pool })
  const connect = resolved.listen ? listenClientOf(pool) : null
  const schema = validateSchemaName(config.schema ?? DEFAULT_SCHEMA)
  // Options of somebody else's pool may hold what a thread cannot be sent, so its workers beat from the main thread.
  return opened(
    createPostgresStore({
      executor: withListen(executor, connect),
      schema,
      with: resolved.with,
      heartbeatConnection: null,
    }),
    executor,
  )
}

const DEFAULT_SCHEMA = 'millrace'

/** The executor with a listening connection of its own, if one can be made. */
function withListen(executor: PoolExecutor, connect: (() => ListenClient) | null): Executor {
  if (connect === null) return executor
  return {
    kind: executor.kind,
    parallelism: executor.parallelism,
    query: (text, values, options) => executor.query(text, values, options),
    script: (text, options) => executor.script(text, options),
    listen: (options) => listenOn({ ...options, connect, clock: systemClock }),
    close: () => executor.close(),
  }
}

function opened(store: Store, executor: PoolExecutor): OpenedStore {
  return { store, pool: executor.getPool(), transaction: (fn, options) => executor.transaction(fn, options) }
}

/** Opens the embedded database, or a PGlite of the user's. */
export async function openEmbeddedStore(
  config: PgliteJobQueueConfig,
  onError: (error: Error) => void,
): Promise<OpenedStore> {
  const schema = validateSchemaName(config.schema ?? DEFAULT_SCHEMA)
  const { openEmbedded, wrapClient } = await loadEmbedded()
  if (config.client !== undefined) {
    const store = createPostgresStore({
      executor: wrapClient(config.client),
      schema,
      with: config.with ?? [],
      heartbeatConnection: null,
    })
    return { store, transaction: () => Promise.reject(ownTransactionOnly()) }
  }
  const database = await openEmbedded({ dataDir: config.dataDir ?? './.millrace', onError })
  const { connection, driver } = database.heartbeat
  const store = createPostgresStore({
    executor: database,
    schema,
    with: config.with ?? [],
    heartbeatConnection: connection,
    heartbeatDriver: driver,
  })
  return { store, transaction: (fn, options) => database.transaction((tx) => fn(withCodes(tx)), options) }
}

/** What fails in it has the codes that it has on a server. */
function withCodes(tx: TransactionClient): TransactionClient {
  return {
    query: async (text, values) => {
      try {
        return await tx.query(text, values)
      } catch (error) {
        throw toMillraceError(error, text, 'uncommitted')
      }
    },
  }
}

function ownTransactionOnly(): MillraceError {
  return new MillraceError(
    'FEATURE_UNSUPPORTED',
    '`queue.transaction` runs on a database that the queue opened. Use `transaction` of your own PGlite, and `{ db: tx }`.',
  )
}

interface EmbeddedDatabase extends Executor {
  readonly heartbeat: { readonly connection: Readonly<Record<string, unknown>>; readonly driver: string }
  transaction<T>(fn: (tx: TransactionClient) => Promise<T>, options?: { readonly timeoutMs?: number }): Promise<T>
}

interface EmbeddedPackage {
  openEmbedded(
    this: void,
    options: {
      readonly dataDir: string
      readonly onError?: (error: Error) => void
    },
  ): Promise<EmbeddedDatabase>
  wrapClient(this: void, client: PgliteLike): Executor
}

/** By a name the compiler does not follow: the package is optional, and depends on this one. */
const EMBEDDED_PACKAGE = '@millrace/pglite'

async function loadEmbedded(): Promise<EmbeddedPackage> {
  let loaded: unknown
  try {
    loaded = await import(EMBEDDED_PACKAGE)
  } catch (cause) {
    throw new MillraceError(
      'EMBEDDED_MISSING',
      'The embedded database is not installed. Run `npm install @millrace/pglite`, or set DATABASE_URL or `databaseConfig` to use a server.',
      { cause, details: { field: 'backend', value: 'pglite', remedy: 'npm install @millrace/pglite' } },
    )
  }
  if (!isEmbeddedPackage(loaded))
    throw new MillraceError(
      'EMBEDDED_MISSING',
      'The installed `@millrace/pglite` is of another version. Install the same version as `millrace`.',
    )
  return loaded
}

function isEmbeddedPackage(loaded: unknown): loaded is EmbeddedPackage {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    'openEmbedded' in loaded &&
    typeof loaded.openEmbedded === 'function' &&
    'wrapClient' in loaded
  )
}

import { createRequire } from 'node:module'
import { MillraceError } from './errors.ts'
import type { RedisConfig, RedisJobQueueConfig, ResolvedConfig } from './queue-config.ts'
import type { OpenedStore } from './queue-store.ts'
import type { Store } from './store/store.ts'

/** What the queue knows of an ioredis client; `getRedisClient<Redis>()` is typed by the caller. */
export interface RedisClientLike {
  readonly status: string
  duplicate(...args: never[]): unknown
}

/** The store of a Redis configuration, and the client that its users are given. */
export type OpenedRedisStore = OpenedStore & { readonly client: RedisClientLike }

/** Makes the store of a Redis configuration. No connection is made yet. */
export async function openRedisStore(
  config: RedisJobQueueConfig,
  resolved: ResolvedConfig,
  warn: (message: string) => void,
): Promise<OpenedRedisStore> {
  return createStore(await loadRedis(), config, resolved, warn)
}

/** The same for a caller who cannot wait: `getRedisClient` answers before anything was awaited. */
export function openRedisStoreNow(
  config: RedisJobQueueConfig,
  resolved: ResolvedConfig,
  warn: (message: string) => void,
): OpenedRedisStore {
  return createStore(loadRedisNow(), config, resolved, warn)
}

function createStore(
  { openRedis }: RedisPackage,
  config: RedisJobQueueConfig,
  resolved: ResolvedConfig,
  warn: (message: string) => void,
): OpenedRedisStore {
  const { keyPrefix: ownPrefix, ...connection } = config.redisConfig ?? {}
  const { store, client } = openRedis({
    ...(config.client === undefined ? { config: connection } : { client: config.client }),
    keyPrefix: config.keyPrefix ?? ownPrefix,
    allowEviction: config.allowEviction,
    listen: resolved.listen,
    warn,
  })
  return { store, client, transaction: () => Promise.reject(noTransactions()) }
}

function noTransactions(): MillraceError {
  const remedy = 'Keep an outbox in your database and relay it'
  return new MillraceError('FEATURE_UNSUPPORTED', `Redis has no transactions for \`queue.transaction\`. ${remedy}.`, {
    details: { remedy },
  })
}

interface RedisPackage {
  openRedis(
    this: void,
    options: {
      readonly config?: RedisConfig
      readonly client?: unknown
      readonly keyPrefix?: string | undefined
      readonly allowEviction?: boolean | undefined
      readonly listen: boolean
      readonly warn: (message: string) => void
    },
  ): { readonly store: Store; readonly client: RedisClientLike }
}

/** By a name the compiler does not follow: the package is optional, and depends on this one. */
const REDIS_PACKAGE = '@millrace/redis'

async function loadRedis(): Promise<RedisPackage> {
  let loaded: unknown
  try {
    loaded = await import(REDIS_PACKAGE)
  } catch (cause) {
    throw missing(cause)
  }
  return checkedPackage(loaded)
}

/** What Node has loaded one way it has for the other: both answer the same module. */
function loadRedisNow(): RedisPackage {
  let loaded: unknown
  try {
    loaded = createRequire(import.meta.url)(REDIS_PACKAGE)
  } catch (cause) {
    throw missing(cause)
  }
  return checkedPackage(loaded)
}

function missing(cause: unknown): MillraceError {
  return new MillraceError('REDIS_MISSING', 'The Redis store is not installed. Run `npm install @millrace/redis`.', {
    cause,
    details: { field: 'backend', value: 'redis', remedy: 'npm install @millrace/redis' },
  })
}

function checkedPackage(loaded: unknown): RedisPackage {
  if (isRedisPackage(loaded)) return loaded
  throw new MillraceError(
    'REDIS_MISSING',
    'The installed `@millrace/redis` is of another version. Install the same version as `millrace`.',
  )
}

function isRedisPackage(loaded: unknown): loaded is RedisPackage {
  return (
    typeof loaded === 'object' && loaded !== null && 'openRedis' in loaded && typeof loaded.openRedis === 'function'
  )
}

import { AsyncLocalStorage } from 'node:async_hooks'
import { MillraceError } from './errors.ts'
import type { Clock } from './model/clock.ts'
import type { Transact } from './model/transaction.ts'
import type { QueueEvents } from './observe/events.ts'
import type { Hooks } from './observe/hooks.ts'
import type { PoolLike } from './postgres/pool.ts'
import type { ResolvedConfig } from './queue-config.ts'
import { openPatiently } from './queue-open.ts'
import { openRedisStore, openRedisStoreNow, type OpenedRedisStore, type RedisClientLike } from './queue-redis.ts'
import { createServerStore, type OpenedStore, openEmbeddedStore } from './queue-store.ts'
import type { EnqueueStore } from './store/enqueue.ts'
import type { Store, Wake } from './store/store.ts'

/**
 * The life of a queue's store: made at once where that takes no I/O, opened and migrated at the first call, listened to
 * once a processor wants to hear of new work, closed once.
 */
export class QueueConnection {
  readonly #config: ResolvedConfig
  readonly #clock: Clock
  readonly #events: QueueEvents
  readonly #hooks: Hooks
  #opened: Promise<OpenedStore> | undefined
  readonly #server: OpenedStore | undefined
  #redis: OpenedRedisStore | undefined
  #ready: Promise<Store> | undefined
  /** The store once it is ready, for calls that must not wait a turn of the event loop for a promise. */
  #store: Store | undefined
  #isClosed = false
  readonly #listeners = new Set<(wake: Wake) => void>()
  readonly #listening = new AbortController()
  #isListening = false
  /** Known to whatever is called in a transaction. */
  readonly #inTransaction = new AsyncLocalStorage<true>()

  constructor(
    config: ResolvedConfig,
    { clock, events, hooks }: { readonly clock: Clock; readonly events: QueueEvents; readonly hooks: Hooks },
  ) {
    this.#config = config
    this.#clock = clock
    this.#events = events
    this.#hooks = hooks
    const { given } = config
    // A pool is only an object until its first query, and `getPool` must work before that.
    this.#server =
      given.backend === 'pglite' || given.backend === 'redis' ? undefined : createServerStore(given, config, warn)
  }

  /** The store, opened; its schema may not be there yet. */
  opened(): Promise<OpenedStore> {
    if (this.#isClosed) return Promise.reject(closed())
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  /**
   * The store with a schema that is up to date. Waits for a server that refuses connections, within a limit; a failure is not
   * remembered: the next call tries again.
   */
  ready(): Promise<Store> {
    if (this.#isClosed) return Promise.reject(closed())
    this.#ready ??= this.#prepareWithin().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  /** Runs a transaction; its schema is up to date before it begins, since a migration would need a second connection. */
  readonly transaction: Transact = async (fn, options) => {
    const { store, transaction } = await this.opened()
    await this.ready()
    this.refuseHeld(store)
    return transaction((tx) => this.#inTransaction.run(true, () => fn(tx)), options)
  }

  /** The store, for a call that needs a connection of its own. Rejects with `IN_TRANSACTION` where there can be none. */
  async free(): Promise<Store> {
    this.refuseHeld()
    return this.ready()
  }

  /** Refuses what would wait for a connection in a transaction that holds the only one. @throws MillraceError `IN_TRANSACTION` */
  refuseHeld({ parallelism }: { readonly parallelism: number } = this.lazyStore): void {
    if (parallelism === 1 && this.#inTransaction.getStore() === true) throw connectionHeld()
  }

  async migrate(): Promise<readonly string[]> {
    const { store } = await this.opened()
    const { applied } = await store.migrate({ mode: 'auto' })
    return applied
  }

  /** For the enqueuer, which asks `ready` before every call. */
  get lazyStore(): EnqueueStore & { readonly parallelism: number } {
    const store = (): Store => {
      if (this.#store === undefined) throw new MillraceError('STORE_UNAVAILABLE', 'The queue is not open yet.')
      return this.#store
    }
    // Asked before the store is made: commands to Redis share one connection and need not wait for each other.
    const unopened = this.#config.backend === 'redis' ? 4 : 1
    return {
      parallelism: this.#server?.store.parallelism ?? unopened,
      enqueue: (options) => store().enqueue(options),
      findEnqueued: (options) => store().findEnqueued(options),
      wake: (options) => store().wake(options),
    }
  }

  /** Calls `listener` for wake-ups of other processes. The listening connection is opened by the first `listen`. */
  onWake(listener: (wake: Wake) => void): void {
    this.#listeners.add(listener)
  }

  /** Begins to hear of work that other processes add; workers find it by polling meanwhile. */
  async listen(): Promise<void> {
    if (this.#isListening || !this.#config.listen) return
    this.#isListening = true
    try {
      const store = await this.ready()
      await store.listen({
        signal: this.#listening.signal,
        onWake: (wake) => {
          for (const listener of this.#listeners) listener(wake)
        },
        onError: (error) => this.#failed(error),
      })
    } catch (error) {
      this.#isListening = false
      if (!this.#isClosed) this.#failed(error)
    }
  }

  getPool(): PoolLike {
    const pool = this.#server?.pool
    if (pool === undefined) {
      throw new MillraceError('FEATURE_UNSUPPORTED', 'getPool() is only available with the PostgreSQL backend.')
    }
    return pool
  }

  getRedisClient(): RedisClientLike {
    const { given } = this.#config
    if (given.backend !== 'redis')
      throw new MillraceError('FEATURE_UNSUPPORTED', 'getRedisClient() is only available with the Redis backend.')
    // An ioredis client is only an object until its first command, and this must work before that.
    if (this.#redis === undefined && this.#isClosed) throw closed()
    this.#redis ??= openRedisStoreNow(given, this.#config, warn)
    return this.#redis.client
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listening.abort()
    const opened = this.#server ?? (await this.#opened?.catch(() => undefined)) ?? this.#redis
    await opened?.store.close()
  }

  async #open(): Promise<OpenedStore> {
    const { given } = this.#config
    if (this.#server !== undefined) return this.#server
    if (given.backend === 'pglite') return openEmbeddedStore(given, (error) => this.#failed(error))
    if (given.backend !== 'redis') throw new TypeError('a server store is made in the constructor')
    const opened = this.#redis ?? (await openRedisStore(given, this.#config, warn))
    // Whoever asked for the client meanwhile has made the store.
    return (this.#redis ??= opened)
  }

  #prepareWithin(): Promise<Store> {
    // The embedded database waits by itself for what is worth waiting for.
    if (this.#config.backend === 'pglite') return this.#prepare()
    return openPatiently(() => this.#prepare(), {
      clock: this.#clock,
      signal: this.#listening.signal,
      // The call itself rejects with what remains of it in the end.
      onRetry: (error, retryInMs) => {
        if (this.#hooks.isActive)
          this.#hooks.emit({ type: 'store.error', operation: 'open', error, willRepeat: true, retryInMs })
      },
    })
  }

  async #prepare(): Promise<Store> {
    const { store } = await this.opened()
    await store.migrate({ mode: this.#config.migrate })
    this.#store = store
    return store
  }

  #failed(error: unknown): void {
    if (this.#hooks.isActive) this.#hooks.emit({ type: 'store.error', operation: 'listen', error, willRepeat: true })
    this.#events.emit('error', error instanceof Error ? error : new Error(String(error)))
  }
}

/** The error for a call that waits for a second connection while a transaction holds the only one. */
function connectionHeld(): MillraceError {
  const remedy = 'Pass `{ db: tx }`, or make the call before or after the transaction'
  return new MillraceError(
    'IN_TRANSACTION',
    `This call needs a connection, and the transaction around it holds the only one. ${remedy}.`,
    { details: { remedy } },
  )
}

function closed(): MillraceError {
  return new MillraceError('QUEUE_CLOSED', 'The queue has been closed.')
}

function warn(message: string): void {
  // oxlint-disable-next-line no-console -- the documented warning about a custom CA beside `sslmode`
  console.warn(message)
}

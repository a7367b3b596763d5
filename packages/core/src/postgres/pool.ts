import { Socket } from 'node:net'
import pg from 'pg'
import { copyOfTls } from './connection.ts'
import type { PoolSettings } from './connection.ts'

/** What a query is given: the shape `pg` takes, and what forks of it take as well. */
export interface DriverQuery {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string
  readonly rowMode?: 'array'
  readonly types?: { readonly getTypeParser: (oid: number, format?: string) => (text: string) => unknown }
}

/** A connection of a pool, as `pg` has it. */
export interface PoolClientLike {
  query(query: object): Promise<unknown>
  /** With `true`, the connection is closed instead of going back. */
  release(destroy?: boolean): void
}

/** A `pg.Pool`, or anything that works like one. Its events are used if it has any. */
export interface PoolLike {
  connect(): Promise<PoolClientLike>
  readonly options?: { readonly max?: number | undefined; readonly connectionTimeoutMillis?: number | undefined }
}

/** A pool of our own, which we must end. */
export interface OwnPool extends PoolLike {
  end(): Promise<void>
}

/** A new `pg.Pool`. Opens no connection yet. */
export function createPool(settings: PoolSettings): OwnPool {
  return new pg.Pool({ ...settings, ...(settings.ssl ? { ssl: copyOfTls(settings.ssl) } : {}) })
}

/**
 * Keeps a lost connection from ending the process: `pg` emits `error` on the pool for an idle client and on the client
 * itself while it is checked out, and an `error` that nobody listens to is thrown.
 *
 * Our listeners sit on the pool, and on a client from the first time we see it until `detach`, so that no query pays
 * for them. They come by the pool's own events, because a client can break in the very tick in which it is handed out,
 * before the promise of `connect` has run on.
 */
export class PoolGuard {
  readonly #pool: EmitterLike | undefined
  readonly #guarded = new Map<object, () => void>()
  readonly #broken = new WeakSet<object>()

  constructor(pool: PoolLike) {
    this.#pool = isEmitter(pool) ? pool : undefined
    this.#pool?.on('error', ignore)
    this.#pool?.on('acquire', this.#watch)
    this.#pool?.on('remove', this.#forget)
  }

  /** Listens on `client`, if the pool's events have not led to it already. */
  checkedOut(client: PoolClientLike): void {
    this.#watch(client)
  }

  /** Lets go of `client`, if no event of the pool would tell when it is gone. */
  released(client: PoolClientLike): void {
    if (this.#pool !== undefined) return
    this.#guarded.get(client)?.()
    this.#forget(client)
  }

  /** Those that have been handed out and not left the pool since. */
  get clients(): readonly object[] {
    return [...this.#guarded.keys()]
  }

  /** Whether the connection of `client` has been lost. */
  isBroken(client: PoolClientLike): boolean {
    return this.#broken.has(client)
  }

  /** Takes every listener of ours off again, for a pool that lives on. */
  detach(): void {
    this.#pool?.removeListener('error', ignore)
    this.#pool?.removeListener('acquire', this.#watch)
    this.#pool?.removeListener('remove', this.#forget)
    for (const stop of this.#guarded.values()) stop()
    this.#guarded.clear()
  }

  readonly #watch = (client: object): void => {
    if (this.#guarded.has(client) || !isEmitter(client)) return
    const onError = (): void => {
      this.#broken.add(client)
    }
    client.on('error', onError)
    this.#guarded.set(client, () => client.removeListener('error', onError))
  }

  /** Our listener stays on a client that leaves the pool: its socket may still fail while it closes. */
  readonly #forget = (client: object): void => {
    this.#guarded.delete(client)
  }
}

/** A server that is there answers the end of a connection within this. */
const GOODBYE_MS = 5_000

/**
 * Breaks the connection of a client that is being closed, unless the other side closes it in time: one that has died in silence
 * never would, and would keep the process from leaving for as long as the system repeats its last bytes.
 */
export function closeForSure(client: object): void {
  const socket = socketOf(client)
  if (socket === undefined || socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

function socketOf(client: object): Socket | undefined {
  const connection: unknown = 'connection' in client ? client.connection : undefined
  if (typeof connection !== 'object' || connection === null || !('stream' in connection)) return undefined
  return connection.stream instanceof Socket ? connection.stream : undefined
}

interface EmitterLike {
  on(event: string, listener: (...values: never[]) => void): unknown
  removeListener(event: string, listener: (...values: never[]) => void): unknown
}

function isEmitter(value: object): value is EmitterLike {
  return (
    'on' in value &&
    typeof value.on === 'function' &&
    'removeListener' in value &&
    typeof value.removeListener === 'function'
  )
}

function ignore(): void {}

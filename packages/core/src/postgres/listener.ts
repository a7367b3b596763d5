import pg from 'pg'
import { systemClock } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import { copyOfTls } from './connection.ts'
import type { PoolSettings } from './connection.ts'
import type { Executor } from './executor.ts'
import type { PoolLike } from './pool.ts'
import { toMillraceError } from './sqlstate.ts'

/** A connection of its own, not of a pool: `pg.Client`, or anything that works like one. */
export interface ListenClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  end(): Promise<unknown>
  on(event: 'notification', listener: (message: ListenMessage) => void): unknown
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  /** Lets the process end while the connection is open. */
  unref?(): void
}

export interface ListenMessage {
  readonly channel: string
  readonly payload?: string | undefined
}

export interface ListenOptions {
  /** A new client, not connected yet. */
  readonly connect: () => ListenClient
  readonly channel: string
  /** What was notified, `''` if nothing. */
  readonly onNotify: (payload: string) => void
  /** Called when it listens again after a lost connection: notifications may have been missed in between. */
  readonly onReconnect: () => void
  /** Called for each failure; it is mended here. */
  readonly onError: (error: Error) => void
  /** Ends it, at once. */
  readonly signal: AbortSignal
  readonly clock?: Clock
}

/**
 * Listens on `channel` until `signal` aborts, on a connection of its own. Resolves once it listens for the first time,
 * or when aborted before that; never rejects.
 *
 * States, in a circle:
 * - *connecting*: until `listen` has been answered, 10 s at most → listening, or waiting.
 * - *listening*: checks every 30 s that the server answers within 5 s, because a connection that a NAT or a firewall has
 *   forgotten stays silent for ever; entered again after a loss, it calls `onReconnect` → waiting, when the connection
 *   breaks, ends or fails the check.
 * - *waiting*: 100 ms, doubled with each failure in a row up to 5 s, times a random 0.5 to 1 → connecting.
 *
 * Once listening, neither the connection nor its timers keep the process alive.
 */
export async function listenOn(options: ListenOptions): Promise<void> {
  const { promise, resolve } = firstTime()
  const loop = new ListenLoop(options, resolve)
  void loop.run().finally(resolve)
  await promise
}

/** `listen` of an executor over `pool`; `undefined` when the pool does not tell how to connect (see `listenClientOf`). */
export function poolListen(pool: PoolLike, clock: Clock = systemClock): NonNullable<Executor['listen']> | undefined {
  const connect = listenClientOf(pool)
  return connect === null ? undefined : (request) => listenOn({ ...request, connect, clock })
}

/** A maker of clients with the settings of our own pool. */
export function listenClientFor(settings: PoolSettings): () => ListenClient {
  const { max: _max, min: _min, idleTimeoutMillis: _idle, ...connection } = settings
  return () => new pg.Client({ ...connection, ...(settings.ssl ? { ssl: copyOfTls(settings.ssl) } : {}) })
}

/**
 * A maker of clients like those of a user's pool: of its own class if it tells, else of `pg`, if its options say where
 * to connect. `null` when neither is known; polling works without it.
 */
export function listenClientOf(pool: PoolLike): (() => ListenClient) | null {
  const options: Readonly<Record<string, unknown>> = { ...pool.options }
  // pg hides the password in the options of a pool, and a spread copies only what is visible.
  const hidden = pool.options !== undefined && 'password' in pool.options ? { password: pool.options.password } : {}
  const timeout = { connectionTimeoutMillis: options['connectionTimeoutMillis'] || CONNECT_TIMEOUT_MS }
  const complete = { ...options, ...hidden, ...timeout, keepAlive: true }
  const ownClass: unknown = 'Client' in pool ? pool.Client : undefined
  const Client = ownClass ?? ('connectionString' in options || 'host' in options ? pg.Client : undefined)
  return isClientClass(Client) ? () => new Client(complete) : null
}

const CONNECT_TIMEOUT_MS = 10_000
const CHECK_EVERY_MS = 30_000
const CHECK_TIMEOUT_MS = 5_000
const GOODBYE_TIMEOUT_MS = 1_000
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000

class ListenLoop {
  readonly #options: ListenOptions
  readonly #clock: Clock
  readonly #onListening: () => void
  #failures = 0
  #hasListened = false

  constructor(options: ListenOptions, onListening: () => void) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#onListening = onListening
  }

  async run(): Promise<void> {
    const { signal, onError } = this.#options
    while (!signal.aborted) {
      const error = await this.#listenOnce()
      if (signal.aborted) return
      onError(toMillraceError(error, undefined, 'connect'))
      await this.#pause(this.#nextDelayMs(), signal)
    }
  }

  /** One connection, from `connect` to its end; answers why it ended. */
  async #listenOnce(): Promise<unknown> {
    const { channel, onNotify, signal } = this.#options
    const lost = new AbortController()
    const over = AbortSignal.any([signal, lost.signal])
    let client: ListenClient
    try {
      client = this.#options.connect()
    } catch (error) {
      return error
    }
    client.on('error', (error) => lost.abort(error ?? connectionEnded()))
    client.on('end', () => lost.abort(connectionEnded()))
    client.on('notification', (message) => {
      if (message.channel === channel && !signal.aborted) onNotify(message.payload ?? '')
    })
    try {
      await this.#within(CONNECT_TIMEOUT_MS, over, async () => {
        await client.connect()
        await client.query(`listen ${quoteIdentifier(channel)}`)
      })
      client.unref?.()
      this.#listening()
      for (;;) {
        await this.#pause(CHECK_EVERY_MS, over)
        over.throwIfAborted()
        await this.#within(CHECK_TIMEOUT_MS, over, () => client.query('select 1'))
      }
    } catch (error) {
      return error
    } finally {
      this.#close(client)
    }
  }

  /** Says goodbye without waiting for it; a connection that has gone silent is cut, or it would linger for minutes. */
  #close(client: ListenClient): void {
    const stream = streamOf(client)
    const timer = this.#clock.after(GOODBYE_TIMEOUT_MS, () => stream?.destroy(), { keepAlive: false })
    client
      .end()
      .catch(ignore)
      .finally(() => timer.cancel())
  }

  #listening(): void {
    this.#failures = 0
    if (this.#hasListened) this.#options.onReconnect()
    this.#hasListened = true
    this.#onListening()
  }

  #nextDelayMs(): number {
    const ceilingMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures)
    this.#failures++
    return ceilingMs * (0.5 + this.#clock.random() / 2)
  }

  /** Waits, or until `signal` aborts. A connection in use does not keep the process alive, and nor does this. */
  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const end = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      // Until it listens for the first time, a caller is waiting for that.
      const timer = this.#clock.after(delayMs, end, { keepAlive: !this.#hasListened })
      signal.addEventListener('abort', end, { once: true })
    })
  }

  /** Rejects when `work` takes longer than `limitMs`, or with the reason of `signal` when that aborts first. */
  #within(limitMs: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(asError(signal.reason))
      const settle = (error?: unknown): void => {
        timer.cancel()
        signal.removeEventListener('abort', onAbort)
        if (error === undefined) resolve()
        else reject(asError(error))
      }
      const onAbort = (): void => settle(signal.reason)
      const timer = this.#clock.after(limitMs, () => settle(noAnswer(limitMs)), { keepAlive: false })
      signal.addEventListener('abort', onAbort, { once: true })
      work().then(() => settle(), settle)
    })
  }
}

interface Destroyable {
  destroy(): unknown
}

function streamOf(client: ListenClient): Destroyable | undefined {
  const connection: unknown = 'connection' in client ? client.connection : undefined
  if (typeof connection !== 'object' || connection === null || !('stream' in connection)) return undefined
  return isDestroyable(connection.stream) ? connection.stream : undefined
}

function isDestroyable(value: unknown): value is Destroyable {
  return typeof value === 'object' && value !== null && 'destroy' in value && typeof value.destroy === 'function'
}

function isClientClass(value: unknown): value is new (options: object) => ListenClient {
  return typeof value === 'function'
}

/** `name` as an identifier of SQL: quoted, with the quotes in it doubled. */
function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function connectionEnded(): Error {
  return new Error('the listening connection was closed')
}

function noAnswer(limitMs: number): Error {
  return new Error(`the listening connection did not answer within ${limitMs} ms`)
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}

function firstTime(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = ignore
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

function ignore(): void {}

import { createHash } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import type { PoolSettings } from './connection.ts'
import type { Executor, QueryOptions, Row } from './executor.ts'
import { NamedStatement, type Parser } from './named-statement.ts'
import { closeForSure, createPool, PoolGuard } from './pool.ts'
import type { DriverQuery, OwnPool, PoolClientLike, PoolLike } from './pool.ts'
import { PoolTransaction } from './pool-transaction.ts'
import type { TransactionClient, TransactionLimits } from './pool-transaction.ts'
import { classify, connectionLost, statementTimeout, storeCodeOf, toMillraceError } from './sqlstate.ts'
import { StatementLimits } from './statement-limits.ts'

/** Settings of a pool of ours, which `close` ends, or a pool of the user, which it leaves open. */
export type PoolSource = { readonly settings: PoolSettings } | { readonly pool: PoolLike }

export interface PoolExecutorOptions {
  /** A statement without a limit of its own is given up after this long. Default 30,000. */
  readonly timeoutMs?: number
  /**
   * How long a statement waits for a connection of a user's pool that has no `connectionTimeoutMillis`. Default 10,000.
   */
  readonly connectTimeoutMs?: number
  /**
   * Whether repeated statements are named, and parsed once per connection. Default `true`; the first answer that tells of a
   * pooler which cannot keep them (PgBouncer in transaction mode before 1.21) ends it.
   */
  readonly prepare?: boolean
}

interface Asked {
  readonly text: string
  readonly values: readonly unknown[] | undefined
  readonly isRepeated: boolean
}

const NO_VALUES: readonly unknown[] = []

/**
 * Runs statements on a `pg.Pool`, each on a connection of its own choosing. A pool of one suffices.
 *
 * Every failure is a `MillraceError` (see `toMillraceError`); a connection that broke, timed out or turned out to be
 * read-only is closed instead of going back, so that the next statement gets a new one.
 */
export class PoolExecutor implements Executor {
  readonly kind = 'postgres'
  readonly parallelism: number
  readonly #pool: PoolLike
  readonly #own: OwnPool | undefined
  readonly #guard: PoolGuard
  readonly #timeoutMs: number
  readonly #connectTimeoutMs: number | undefined
  /** How long a statement waits while the server has no room for a further connection. */
  readonly #roomTimeoutMs: number
  readonly #limits = new StatementLimits()
  /** By their texts. */
  #named: Map<string, NamedStatement> | undefined
  #closing: Promise<void> | undefined

  constructor(source: PoolSource, options: PoolExecutorOptions = {}) {
    if ('settings' in source) {
      this.#own = createPool(source.settings)
      this.#pool = this.#own
    } else {
      this.#own = undefined
      this.#pool = source.pool
    }
    this.#guard = new PoolGuard(this.#pool)
    const { max, connectionTimeoutMillis } = this.#pool.options ?? {}
    this.parallelism = max ?? 10
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#connectTimeoutMs = connectionTimeoutMillis ? undefined : (options.connectTimeoutMs ?? 10_000)
    this.#roomTimeoutMs = connectionTimeoutMillis || (options.connectTimeoutMs ?? 10_000)
    this.#named = options.prepare === false ? undefined : new Map()
  }

  /** The pool itself: ours, or the one the user brought. */
  getPool(): PoolLike {
    return this.#pool
  }

  async query(text: string, values?: readonly unknown[], options?: QueryOptions): Promise<readonly Row[]> {
    const client = await this.#checkOut()
    let mustClose = false
    try {
      return await this.#ask(client, { text, values, isRepeated: options?.isRepeated === true }, options?.timeoutMs)
    } catch (error) {
      const isBroken = this.#guard.isBroken(client)
      const failure = isBroken ? connectionLost(error, text) : toMillraceError(error, text)
      mustClose = isBroken || isUnusableAfter(failure)
      if (!this.#forgetNames(failure, options)) throw failure
    } finally {
      this.#giveBack(client, mustClose)
    }
    return this.query(text, values, { ...options, isRepeated: false })
  }

  /** Whether a named statement failed for its name, which has no effect; it is then worth sending without one. */
  #forgetNames(failure: MillraceError, options: QueryOptions | undefined): boolean {
    const code = storeCodeOf(failure)
    if (options?.isRepeated !== true || code === undefined || !STALE_STATEMENT.has(code)) return false
    if (code !== CHANGED_RESULT) this.#named = undefined
    return true
  }

  async script(text: string, options?: QueryOptions): Promise<void> {
    const timeoutMs = options?.timeoutMs ?? SCRIPT_TIMEOUT_MS
    const limitError = (): MillraceError => statementTimeout(timeoutMs, text, 'uncommitted')
    await this.#inTransaction((client) => client.query(text), { timeoutMs, limitError })
  }

  /**
   * Runs `fn` between `begin` and `commit` on one connection, and answers what it returns. Rolls back if it throws, and
   * if `timeoutMs` (default 30,000) passes first.
   *
   * @throws MillraceError `TRANSACTION_TIMEOUT` at the limit; whatever `fn` throws, as it is.
   */
  async transaction<T>(
    fn: (client: TransactionClient) => Promise<T> | T,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<T> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs
    return this.#inTransaction(fn, { timeoutMs, limitError: () => transactionTimeout(timeoutMs) })
  }

  /** Ends the pool if it is ours, once its statements are done; a user's pool only loses our listeners. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #inTransaction<T>(fn: (client: TransactionClient) => Promise<T> | T, limits: TransactionLimits): Promise<T> {
    const client = await this.#checkOut()
    const transaction = new PoolTransaction(
      {
        send: (query, timeoutMs) => this.#send(client, query, timeoutMs),
        isBroken: () => this.#guard.isBroken(client),
      },
      limits,
    )
    try {
      return await transaction.run(fn)
    } finally {
      this.#giveBack(client, transaction.mustClose)
    }
  }

  /** A connection that is not known to be broken; the pool may hand out one that broke a moment ago. */
  async #checkOut(): Promise<PoolClientLike> {
    for (;;) {
      if (this.#closing !== undefined) throw poolClosed()
      const client = await this.#connect()
      this.#guard.checkedOut(client)
      if (!this.#guard.isBroken(client)) return client
      this.#giveBack(client, true)
    }
  }

  /**
   * A server that is full may still serve the connections that the pool has, and others leave: the wait for one of them is like the
   * wait for a free one of the pool, and has the same limit.
   */
  async #connect(): Promise<PoolClientLike> {
    const givesUpAt = performance.now() + this.#roomTimeoutMs
    for (let repeats = 0; ; repeats++) {
      try {
        return await (this.#connectTimeoutMs === undefined
          ? this.#pool.connect()
          : connectWithin(this.#pool, this.#connectTimeoutMs))
      } catch (error) {
        if (isEnded(this.#pool)) throw poolEnded(error)
        const isOver = this.#closing !== undefined || performance.now() > givesUpAt
        if (isOver || storeCodeOf(error) !== SERVER_FULL) throw toMillraceError(error, undefined, 'connect')
      }
      await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 10 * 2 ** repeats))
    }
  }

  #giveBack(client: PoolClientLike, mustClose: boolean): void {
    this.#guard.released(client)
    client.release(mustClose)
    if (mustClose) closeForSure(client)
  }

  async #ask(
    client: PoolClientLike,
    { text, values, isRepeated }: Asked,
    timeoutMs = this.#timeoutMs,
  ): Promise<readonly Row[]> {
    const query = { text, rowMode: 'array', types: TEXT_TYPES } as const
    if (this.#named === undefined || !isRepeated)
      return rowsOf(await this.#send(client, values === undefined ? query : { ...query, values }, timeoutMs))
    const statement = this.#statement(text, this.#named)
    const call = statement.callOn(client, values ?? NO_VALUES)
    if (call !== undefined) {
      return this.#within(timeoutMs, text, (resolve, reject) => {
        call.callback = (error, rows) => (rows === undefined ? reject(error) : resolve(rows))
        void client.query(call)
      })
    }
    const result = await this.#send(client, { ...query, values: values ?? NO_VALUES, name: statement.name }, timeoutMs)
    statement.prepared(client, result, parserOf)
    return rowsOf(result)
  }

  #statement(text: string, statements: Map<string, NamedStatement>): NamedStatement {
    const known = statements.get(text)
    if (known !== undefined) return known
    const name = `millrace_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    const statement = new NamedStatement(text, name)
    // Statements are constants, so a large map means that a text was built from values; those are not kept.
    if (statements.size < MAX_NAMES) statements.set(text, statement)
    return statement
  }

  #send(client: PoolClientLike, query: DriverQuery, timeoutMs: number): Promise<unknown> {
    return this.#within(timeoutMs, query.text, (resolve, reject) => {
      client.query(query).then(resolve, reject)
    })
  }

  /** What `send` is answered, or a rejection when the limit passes; the caller then closes the connection. */
  #within<T>(
    timeoutMs: number,
    text: string,
    send: (resolve: (answer: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = this.#limits.start(timeoutMs, () => reject(statementTimeout(timeoutMs, text)))
      send(
        (answer) => {
          end()
          resolve(answer)
        },
        (error) => {
          end()
          // eslint-disable-next-line prefer-promise-reject-errors -- handed on as the driver gave it
          reject(error)
        },
      )
    })
  }

  async #close(): Promise<void> {
    // The guard of our own pool stays: its connections may still fail while they close.
    if (this.#own === undefined) {
      this.#guard.detach()
    } else {
      const { clients } = this.#guard
      await this.#own.end()
      for (const client of clients) closeForSure(client)
    }
    this.#limits.close()
  }
}

function poolClosed(): MillraceError {
  return new MillraceError('QUEUE_CLOSED', 'The connection pool has been closed.', { details: { outcome: 'none' } })
}

/** Migrations rewrite tables. */
const SCRIPT_TIMEOUT_MS = 300_000

const MAX_NAMES = 500

const SERVER_FULL = '53300'
const LONGEST_PAUSE_MS = 200

/**
 * Parses `bool`, `int2`, `int4`, `oid`, `float4` and `float8`; everything else stays the text PostgreSQL sent, whatever
 * parsers the program has set for `pg` as a whole.
 */
const TEXT_TYPES: NonNullable<DriverQuery['types']> = { getTypeParser: (oid) => parserOf(oid) ?? asText }

const PARSERS: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [16, (text) => text === 't'],
  [21, Number],
  [23, Number],
  [26, Number],
  [700, Number],
  [701, Number],
])

function parserOf(oid: number): Parser {
  return PARSERS.get(oid)
}

function asText(text: string): string {
  return text
}

/** Our time limit leaves a statement running; a lost or read-only connection will not get better; a plan may be stale. */
function isUnusableAfter(failure: MillraceError): boolean {
  const code = storeCodeOf(failure)
  if (code === undefined) return failure.code === 'STORE_TIMEOUT' || failure.code === 'STORE_UNAVAILABLE'
  const kind = classify(failure)
  return kind === 'unavailable' || kind === 'read_only' || STALE_STATEMENT.has(code)
}

/** A named statement whose result type changed, that is gone, or that exists twice (behind a pooler). */
const CHANGED_RESULT = '0A000'
const STALE_STATEMENT: ReadonlySet<string> = new Set([CHANGED_RESULT, '26000', '42P05'])

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs)
  })
}

/** Bounds the wait for a pool that has no limit of its own; a connection that comes too late goes back at once. */
function connectWithin(pool: PoolLike, timeoutMs: number): Promise<PoolClientLike> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      reject(new Error(`no connection of the pool was free within ${timeoutMs} ms`))
    }, timeoutMs)
    pool.connect().then(
      (client) => {
        clearTimeout(timer)
        if (isLate) client.release()
        else resolve(client)
      },
      (error: unknown) => {
        clearTimeout(timer)
        // eslint-disable-next-line prefer-promise-reject-errors -- handed on as the driver gave it
        reject(error)
      },
    )
  })
}

function isEnded(pool: PoolLike): boolean {
  return 'ending' in pool && pool.ending === true
}

function poolEnded(cause: unknown): MillraceError {
  return new MillraceError('STORE_FAILED', 'The connection pool given to Millrace has been ended.', {
    cause,
    details: { outcome: 'none', remedy: 'End the pool only after `queue.close()`.' },
  })
}

function transactionTimeout(timeoutMs: number): MillraceError {
  return new MillraceError(
    'TRANSACTION_TIMEOUT',
    `The transaction took longer than ${timeoutMs} ms; it was rolled back.`,
    {
      details: { outcome: 'none' },
    },
  )
}

function rowsOf(result: unknown): readonly Row[] {
  // A text of several statements gives several results; the last one stands for all.
  const last: unknown = Array.isArray(result) ? result.at(-1) : result
  if (hasRows(last)) return last.rows
  throw new MillraceError('STORE_FAILED', 'The driver answered with something that is no result.')
}

function hasRows(value: unknown): value is { readonly rows: readonly Row[] } {
  return typeof value === 'object' && value !== null && 'rows' in value && Array.isArray(value.rows)
}

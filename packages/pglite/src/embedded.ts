/** The embedded database as its users see it, whichever process runs it at the moment. */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { MillraceError } from 'millrace'
import type { Executor, QueryOptions, Row } from 'millrace/postgres'
import type { Answered, Connection } from './connection.ts'
import type { Question } from './protocol.ts'
import { ensureDataDir } from './data-directory.ts'
import { isMoved, Membership } from './membership.ts'
import { networkDriveOf } from './network-drive.ts'
import { encodeValues } from './parameters.ts'
import { textFormats } from './rows.ts'
import { Subscriptions, type Subscription } from './subscriptions.ts'
import { runTransaction, type EmbeddedTransaction, type TransactionOptions } from './transaction.ts'
import { DEFAULT_UPKEEP, type UpkeepLimits } from './upkeep.ts'
import { decodeAnswer, type Answer } from './wire.ts'

/** What `openEmbedded` takes. */
export interface EmbeddedOptions {
  /** The folder that holds the database; made if it is missing. Further processes that name it share the database. */
  readonly dataDir: string
  /** Called with what went wrong beside any call: upkeep that failed, a network drive, a lost owner. */
  readonly onError?: (error: Error) => void
  /** Default time limit of a statement, in milliseconds. Default 30,000. */
  readonly statementTimeoutMs?: number
  /** How long to wait for the database to start, or for another process to let this one join. Default 120,000. */
  readonly startTimeoutMs?: number
  /** When to vacuum and to write checkpoints. */
  readonly upkeep?: Partial<UpkeepLimits>
}

/** Memory of the embedded database. */
export interface EmbeddedMemory {
  /** What PostgreSQL has reserved, in bytes; not all of it is resident. Grows, never shrinks. */
  readonly wasmBytes: number
}

/**
 * A PostgreSQL without a server, shared by the processes of one machine: one of them runs it in a thread, the others
 * forward their statements. When that process ends, another takes over: statements under way then reject with
 * `STORE_UNAVAILABLE`, their outcome unknown; later ones wait for the new owner.
 *
 * There is one session. Statements are each a transaction of their own, and a `set` or `listen` in one is undone. PGlite
 * cannot cancel a statement: a time limit rejects the caller while the statement goes on and holds up the others.
 */
export interface EmbeddedDatabase extends Executor, AsyncDisposable {
  readonly listen: NonNullable<Executor['listen']>
  /** How a thread of this process can reach the database on its own: plain data, and the URL of a module with a `Client`. */
  readonly heartbeat: { readonly connection: { readonly dataDir: string }; readonly driver: string }
  /**
   * Runs `fn` in a transaction: commits when it resolves, rolls back when it rejects. All other statements wait, also
   * those that `fn` itself asks of the database instead of `tx`: they run after it, so do not await them inside.
   *
   * @throws MillraceError `TRANSACTION_TIMEOUT` if `fn` takes longer than `timeoutMs`; what it did is rolled back.
   * @throws MillraceError `STORE_TIMEOUT` if other transactions kept it from beginning.
   */
  transaction<T>(fn: (tx: EmbeddedTransaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Whether this process runs the database or uses that of another. */
  role(): 'owner' | 'client'
  memory(): Promise<EmbeddedMemory>
}

const DEFAULT_STATEMENT_MS = 30_000
const DEFAULT_TRANSACTION_MS = 5_000
const DEFAULT_START_MS = 120_000
/** How long a statement waits for a new owner after the last one has ended. */
const TAKE_OVER_MS = 30_000

/**
 * Opens the embedded database of `dataDir`, as its owner or as a client of the process that owns it.
 *
 * @throws MillraceError `EMBEDDED_CORRUPT` if there is a database that cannot be opened; it is left as it is.
 * @throws MillraceError `EMBEDDED_LOCKED` if another process has it open and cannot be joined.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const wanted = resolve(options.dataDir)
  const dataDir = await makeDataDir(wanted)
  const onError = options.onError ?? (() => undefined)
  const drive = await networkDriveOf(dataDir).catch(() => null)
  if (drive !== null) {
    const message = `${dataDir} is on a network drive (${drive}), which can lose or damage the database; use a local disk`
    onError(new MillraceError('CONFIG_INVALID', message, { details: { field: 'dataDir', value: options.dataDir } }))
  }
  const database = new SharedDatabase(dataDir, { ...options, onError })
  await database.open(options.startTimeoutMs ?? DEFAULT_START_MS)
  return database
}

async function makeDataDir(path: string): Promise<string> {
  try {
    ensureDataDir(path)
    return realpathSync(path)
  } catch (error) {
    const message = `\`dataDir\` ${path} cannot be made: ${String(error)}`
    throw new MillraceError('CONFIG_INVALID', message, { cause: error, details: { field: 'dataDir', value: path } })
  }
}

/** From the sources, as tests import them, the thread still loads what was built: Node does not read TypeScript. */
function heartbeatDriver(): string {
  const isSource = import.meta.url.endsWith('.ts')
  return new URL(isSource ? '../dist/heartbeat-client.js' : './heartbeat-client.js', import.meta.url).href
}

class SharedDatabase implements EmbeddedDatabase {
  readonly kind = 'pglite'
  /** One session runs one statement at a time; the second is on its way meanwhile. */
  readonly parallelism = 2
  readonly heartbeat: EmbeddedDatabase['heartbeat']
  readonly #membership: Membership
  readonly #subscriptions = new Subscriptions()
  readonly #statementMs: number
  #hasJoined = false

  constructor(dataDir: string, options: EmbeddedOptions & { readonly onError: (error: Error) => void }) {
    this.heartbeat = { connection: { dataDir }, driver: heartbeatDriver() }
    this.#statementMs = options.statementTimeoutMs ?? DEFAULT_STATEMENT_MS
    this.#membership = new Membership({
      dataDir,
      upkeep: { ...DEFAULT_UPKEEP, ...options.upkeep },
      startTimeoutMs: options.startTimeoutMs ?? DEFAULT_START_MS,
      onError: options.onError,
      onNotification: (channel, payload) => this.#subscriptions.deliver(channel, payload),
      onJoined: (connection) => {
        if (this.#hasJoined) void this.#subscriptions.renew(connection)
        this.#hasJoined = true
      },
      onLost: () => {
        const message = 'The process or thread that ran the embedded database has ended; looking for the next one'
        this.#subscriptions.report(new MillraceError('STORE_UNAVAILABLE', message))
      },
    })
  }

  async open(timeoutMs: number): Promise<void> {
    await this.#membership.connection(timeoutMs)
  }

  async query(text: string, values: readonly unknown[] = [], options: QueryOptions = {}): Promise<readonly Row[]> {
    const timeoutMs = options.timeoutMs ?? this.#statementMs
    const encoded = encodeValues(values)
    const answer = await this.#ask(
      (leftMs) => ({ kind: 'query', text, values: encoded, timeoutMs: leftMs, tx: null }),
      timeoutMs,
    )
    return answer.rows
  }

  async script(text: string, options: QueryOptions = {}): Promise<void> {
    await this.#ask((leftMs) => ({ kind: 'script', text, timeoutMs: leftMs }), options.timeoutMs ?? this.#statementMs)
  }

  async listen(subscription: Subscription): Promise<void> {
    await this.#retryMoved(this.#statementMs, (connection) => this.#subscriptions.add(subscription, connection))
  }

  async transaction<T>(fn: (tx: EmbeddedTransaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const limitMs = options.timeoutMs ?? DEFAULT_TRANSACTION_MS
    return await this.#retryMoved(this.#statementMs, (connection, waitMs) =>
      runTransaction(connection, fn, { waitMs, limitMs }),
    )
  }

  role(): 'owner' | 'client' {
    return this.#membership.role
  }

  async memory(): Promise<EmbeddedMemory> {
    const connection = await this.#membership.connection(TAKE_OVER_MS)
    const reply = await connection.ask({ kind: 'memory' }, this.#statementMs).answer
    return { wasmBytes: reply.kind === 'memory' ? reply.wasmBytes : 0 }
  }

  async close(): Promise<void> {
    await this.#membership.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #ask(question: (leftMs: number) => Question, timeoutMs: number): Promise<Answer> {
    const reply = await this.#retryMoved<Answered>(
      timeoutMs,
      (connection, leftMs) => connection.ask(question(leftMs), leftMs).answer,
    )
    const answer = decodeAnswer(reply.kind === 'result' ? reply.bytes : new Uint8Array(0), textFormats)
    if (answer.error !== null) throw answer.error
    return answer
  }

  /** Asks again elsewhere whatever was refused before it began; a transaction is refused at its `begin` only. */
  async #retryMoved<T>(timeoutMs: number, ask: (connection: Connection, leftMs: number) => Promise<T>): Promise<T> {
    const until = performance.now() + timeoutMs
    for (;;) {
      const leftMs = Math.max(1, until - performance.now())
      const connection = await this.#membership.connection(Math.min(leftMs, TAKE_OVER_MS))
      try {
        return await ask(connection, Math.max(1, until - performance.now()))
      } catch (error) {
        if (!isMoved(error)) throw error
      }
    }
  }
}

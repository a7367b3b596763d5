import { MillraceError } from 'millrace'
import type { Answered, Connection } from './connection.ts'
import type { DatabaseError } from './database-error.ts'
import { encodeValues } from './parameters.ts'
import { nodePostgresFormats, toObjects } from './rows.ts'
import { decodeAnswer, type Answer } from './wire.ts'

/** What a statement inside a transaction gives back, as node-postgres would. */
export interface TransactionResult {
  readonly rows: Record<string, unknown>[]
  /** Rows returned or changed; `null` for a statement that counts none. */
  readonly rowCount: number | null
}

/** An open transaction; of no use once the function it was given to has returned. */
export interface EmbeddedTransaction {
  /** Runs one statement. Dates, bytes and JSON are parsed; `bigint`, `numeric` and arrays come as text. */
  query(text: string, values?: readonly unknown[]): Promise<TransactionResult>
}

/** How long a transaction may take. */
export interface TransactionOptions {
  /** How long the transaction may stay open, in milliseconds. Default 5,000: everybody else waits meanwhile. */
  readonly timeoutMs?: number
}

interface OpenOptions {
  /** How long to wait for other transactions before this one begins. */
  readonly waitMs: number
  readonly limitMs: number
}

/** The owner ends the transaction at its limit; past that its answers are waited for only this much longer. */
const GRACE_MS = 10_000

/** Runs `fn` in a transaction of `connection`, within its limit; commits when it returns, rolls back when it throws. */
export async function runTransaction<T>(
  connection: Connection,
  fn: (tx: EmbeddedTransaction) => Promise<T>,
  { waitMs, limitMs }: OpenOptions,
): Promise<T> {
  return await connection.keepFor(() => runOpen(connection, fn, { waitMs, limitMs }))
}

async function runOpen<T>(
  connection: Connection,
  fn: (tx: EmbeddedTransaction) => Promise<T>,
  { waitMs, limitMs }: OpenOptions,
): Promise<T> {
  const begin = connection.ask({ kind: 'begin', timeoutMs: waitMs, limitMs }, waitMs)
  await begin.answer
  const transaction = new OpenTransaction(connection, begin.id, limitMs)
  try {
    const result = await withinLimit(fn(transaction), limitMs)
    await transaction.commit()
    return result
  } catch (error) {
    await transaction.rollBack()
    throw error
  }
}

class OpenTransaction implements EmbeddedTransaction {
  readonly #connection: Connection
  readonly #id: number
  readonly #askMs: number
  #isEnded = false
  /** The first failed statement: PostgreSQL then refuses all others, and turns a commit into a rollback. */
  #failure: DatabaseError | null = null

  constructor(connection: Connection, id: number, limitMs: number) {
    this.#connection = connection
    this.#id = id
    this.#askMs = limitMs + GRACE_MS
  }

  async query(text: string, values: readonly unknown[] = []): Promise<TransactionResult> {
    if (this.#isEnded)
      throw timeoutError('The transaction has ended; use `tx` only inside the function it was given to')
    const question = {
      kind: 'query',
      text,
      values: encodeValues(values),
      timeoutMs: this.#askMs,
      tx: this.#id,
    } as const
    const answer = toAnswer(await this.#connection.ask(question, this.#askMs).answer)
    if (answer.error === null) return { rows: toObjects(answer), rowCount: answer.rowCount }
    this.#failure ??= answer.error
    throw answer.error
  }

  async commit(): Promise<void> {
    const answer = await this.#end(true)
    if (answer.error !== null) throw answer.error
    if (answer.tag !== 'ROLLBACK') return
    const message =
      'The transaction was rolled back, because a statement in it had failed and the error was not passed on'
    throw new MillraceError('STORE_FAILED', message, { cause: this.#failure })
  }

  /** Never rejects: the reason to roll back is what the caller wants to know, and a lost owner has rolled back already. */
  async rollBack(): Promise<void> {
    if (this.#isEnded) return
    await this.#end(false).catch(() => undefined)
  }

  async #end(commit: boolean): Promise<Answer> {
    this.#isEnded = true
    return toAnswer(await this.#connection.ask({ kind: 'end', tx: this.#id, commit }, this.#askMs).answer)
  }
}

function toAnswer(reply: Answered): Answer {
  return decodeAnswer(reply.kind === 'result' ? reply.bytes : new Uint8Array(0), nodePostgresFormats)
}

/** The function cannot be stopped, only left behind; what it asks of its transaction from then on is refused. */
async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `The transaction was open for longer than its \`timeoutMs\` of ${limitMs} ms and has been rolled back; do slow work outside it`
      reject(timeoutError(message))
    }, limitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function timeoutError(message: string): MillraceError {
  return new MillraceError('TRANSACTION_TIMEOUT', message)
}

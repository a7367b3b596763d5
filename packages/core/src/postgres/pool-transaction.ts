import { MillraceError } from '../errors.ts'
import type { DriverQuery } from './pool.ts'
import { connectionLost, toMillraceError } from './sqlstate.ts'

/** What a transaction hands to the user's function. Valid until that function has returned. */
export interface TransactionClient {
  /** Runs one statement in the transaction. Rows are objects, parsed as `pg` is set to parse them. */
  query(text: string, values?: readonly unknown[]): Promise<TransactionResult>
}

export interface TransactionResult {
  readonly rows: Record<string, unknown>[]
  /** Rows returned or affected; `null` for statements that count none. */
  readonly rowCount: number | null
}

/** One checked-out connection, as a transaction sees it. */
export interface Session {
  send(query: DriverQuery, timeoutMs: number): Promise<unknown>
  isBroken(): boolean
}

export interface TransactionLimits {
  /** From `begin` to `commit`. */
  readonly timeoutMs: number
  /** What the caller is answered with when the limit has passed. */
  readonly limitError: () => MillraceError
}

/**
 * One transaction on one connection: begin, the user's function, commit; or rollback if it threw or took too long.
 *
 * Statements are sent one at a time, in the order asked for. After the limit nothing more is sent but a rollback; if a
 * statement is under way then, the connection has to be closed, and the server rolls back by itself.
 */
export class PoolTransaction {
  readonly #session: Session
  readonly #limits: TransactionLimits
  #tail: Promise<unknown> = Promise.resolve()
  #underWay = 0
  #isOver = false
  #mustClose = false

  constructor(session: Session, limits: TransactionLimits) {
    this.#session = session
    this.#limits = limits
  }

  /** Whether the connection is in no state to be used again. */
  get mustClose(): boolean {
    return this.#mustClose || this.#session.isBroken()
  }

  async run<T>(fn: (client: TransactionClient) => Promise<T> | T): Promise<T> {
    const startedAt = performance.now()
    let value: T
    try {
      await this.#send({ text: 'begin' })
      value = await this.#withinLimit(fn)
    } catch (error) {
      this.#isOver = true
      await this.#rollback()
      throw error
    }
    await this.#commit(Math.max(1, this.#limits.timeoutMs - (performance.now() - startedAt)))
    return value
  }

  /** Rejects at the limit, whatever `fn` does; what it does later is without effect, and its failure without notice. */
  #withinLimit<T>(fn: (client: TransactionClient) => Promise<T> | T): Promise<T> {
    const client: TransactionClient = { query: (text, values) => this.#query(text, values) }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#isOver = true
        reject(this.#limits.limitError())
      }, this.#limits.timeoutMs)
      const end = (): void => clearTimeout(timer)
      // Also waits for statements that `fn` did not wait for itself: they are part of the transaction.
      Promise.resolve(client)
        .then(fn)
        .then(async (value) => {
          await this.#tail
          return value
        })
        .finally(end)
        .then(resolve, reject)
    })
  }

  #query(text: string, values: readonly unknown[] | undefined): Promise<TransactionResult> {
    const answer = this.#tail.then(async () =>
      resultOf(await this.#send(values === undefined ? { text } : { text, values })),
    )
    this.#tail = answer.then(ignore, ignore)
    return answer
  }

  async #send(query: DriverQuery): Promise<unknown> {
    if (this.#isOver) throw isOver()
    if (this.#session.isBroken()) throw this.#lost(query.text)
    this.#underWay++
    try {
      // The transaction's own limit is the one that answers.
      return await this.#session.send(query, this.#limits.timeoutMs + 1_000)
    } catch (error) {
      throw this.#session.isBroken() ? this.#lost(query.text, error) : toMillraceError(error, query.text, 'uncommitted')
    } finally {
      this.#underWay--
    }
  }

  async #commit(timeoutMs: number): Promise<void> {
    this.#isOver = true
    if (this.#session.isBroken()) throw this.#lost('commit')
    let result: unknown
    try {
      result = await this.#session.send({ text: 'commit' }, timeoutMs)
    } catch (error) {
      this.#mustClose = true
      throw this.#session.isBroken() ? connectionLost(error, 'commit') : toMillraceError(error, 'commit')
    }
    // The server answers `commit` with a rollback, and no error, if a statement failed and the user caught its error.
    if (commandOf(result) === 'ROLLBACK') throw rolledBack()
  }

  async #rollback(): Promise<void> {
    if (this.#underWay > 0 || this.mustClose) {
      this.#mustClose = true
      return
    }
    try {
      await this.#session.send({ text: 'rollback' }, ROLLBACK_TIMEOUT_MS)
    } catch {
      this.#mustClose = true
    }
  }

  #lost(
    statement: string,
    cause: unknown = new Error('the connection was lost during the transaction'),
  ): MillraceError {
    return connectionLost(cause, statement, 'uncommitted')
  }
}

/** A rollback does no work worth waiting for; the connection is closed instead. */
const ROLLBACK_TIMEOUT_MS = 5_000

function isOver(): MillraceError {
  return new MillraceError('OPTION_INVALID', 'This transaction has ended; its client cannot be used any more.', {
    details: { outcome: 'none', remedy: 'Await every statement inside the function given to `transaction`.' },
  })
}

function rolledBack(): MillraceError {
  return new MillraceError(
    'STORE_FAILED',
    'The transaction was rolled back: one of its statements had failed, and the function returned all the same.',
    { details: { outcome: 'none', remedy: 'Let the error of the failed statement pass, or use a savepoint.' } },
  )
}

function commandOf(result: unknown): unknown {
  return typeof result === 'object' && result !== null && 'command' in result ? result.command : undefined
}

function resultOf(result: unknown): TransactionResult {
  // Several statements in one text give several results; the last one stands for all.
  const last: unknown = Array.isArray(result) ? result.at(-1) : result
  if (!isResult(last)) throw new MillraceError('STORE_FAILED', 'The driver answered with something that is no result.')
  return { rows: last.rows, rowCount: last.rowCount }
}

function isResult(value: unknown): value is TransactionResult {
  return (
    typeof value === 'object' && value !== null && 'rows' in value && Array.isArray(value.rows) && 'rowCount' in value
  )
}

function ignore(): void {}

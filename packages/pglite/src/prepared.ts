import { encodeCloseStatement, encodeParse } from './wire.ts'

/** How to run a text: under which name, and what to send before. */
export interface StatementPlan {
  /** Empty: PostgreSQL's unnamed statement. */
  readonly name: string
  readonly prefix: Buffer
}

const LIMIT = 200
/** Longer texts are migrations and bulk inserts; not worth keeping. */
const MAX_TEXT_LENGTH = 16_384
/** `cached plan must not change result type` and `prepared statement does not exist`. */
const STALE = new Set(['0A000', '26000'])
const NOTHING = Buffer.alloc(0)

/**
 * Which statements the session has prepared. A text is prepared when it comes a second time: parsing and planning cost
 * half of a short statement (measured: 0.09 ms unnamed, 0.04 ms prepared). The least recently used goes first.
 */
export class PreparedStatements {
  /** In order of use, oldest first; the empty name stands for "seen once". */
  readonly #names = new Map<string, string>()
  #closing: Buffer[] = []
  #last = 0

  plan(text: string): StatementPlan {
    if (text.length > MAX_TEXT_LENGTH) return { name: '', prefix: encodeParse('', text) }
    const known = this.#names.get(text)
    this.#names.delete(text)
    this.#names.set(text, known ?? '')
    this.#evict()
    if (known === undefined) return { name: '', prefix: this.#withClosing(encodeParse('', text)) }
    if (known !== '') return { name: known, prefix: this.#withClosing(NOTHING) }
    this.#last += 1
    const name = `m${this.#last}`
    return { name, prefix: this.#withClosing(encodeParse(name, text)) }
  }

  /** The session has accepted the statement. */
  confirm(text: string, name: string): void {
    if (this.#names.has(text)) this.#names.set(text, name)
  }

  isStale(sqlstate: string): boolean {
    return STALE.has(sqlstate)
  }

  /** Begins afresh, after the session's statements were found to be out of date. */
  forgetAll(): void {
    for (const name of this.#names.values()) if (name !== '') this.#closing.push(encodeCloseStatement(name))
    this.#names.clear()
  }

  #evict(): void {
    if (this.#names.size <= LIMIT) return
    const oldest = this.#names.entries().next().value
    if (oldest === undefined) return
    this.#names.delete(oldest[0])
    if (oldest[1] !== '') this.#closing.push(encodeCloseStatement(oldest[1]))
  }

  #withClosing(prefix: Buffer): Buffer {
    if (this.#closing.length === 0) return prefix
    const all = Buffer.concat([...this.#closing, prefix])
    this.#closing = []
    return all
  }
}

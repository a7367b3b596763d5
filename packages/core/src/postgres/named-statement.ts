import pg from 'pg'
import type { Row } from './executor.ts'
import type { PoolClientLike } from './pool.ts'

/** How the text of a column becomes a value; `undefined`: it stays text. */
export type Parser = ((text: string) => unknown) | undefined

/**
 * A statement with a name, and where it has been prepared: on those connections a call of it is one message of values, and its
 * answer nothing but rows, whose types are known. The driver would describe the result anew each time, which both ends pay for
 * (measured for adding one job: about a fifth of the client's time).
 */
export class NamedStatement {
  readonly text: string
  readonly name: string
  readonly #prefix: Buffer
  readonly #parsers = new WeakMap<PoolClientLike, readonly Parser[]>()

  constructor(text: string, name: string) {
    this.text = text
    this.name = name
    // No name for the portal, the statement's, and no format codes: all values are text.
    this.#prefix = Buffer.from(`\0${name}\0\0\0`)
  }

  /**
   * Notes that `result`, of the driver, answered this statement on `client`. Connections of other drivers, and such as send the next
   * statement before the last is answered, take no statements but those of the driver itself.
   */
  prepared(client: PoolClientLike, result: unknown, parserOf: (type: number) => Parser): void {
    if (!(client instanceof pg.Client) || client.pipeline) return
    const types = typesOf(result)
    if (types !== undefined) this.#parsers.set(client, types.map(parserOf))
  }

  /**
   * The call for `client` to be given as a query; `undefined` if it does not know the statement yet, or if only the driver can write
   * some value.
   */
  callOn(client: PoolClientLike, values: readonly unknown[]): StatementCall | undefined {
    const parsers = this.#parsers.get(client)
    if (parsers === undefined) return undefined
    const bytes = callBytes(this.#prefix, values)
    return bytes && new Call(this, bytes, parsers)
  }
}

/** Something for `client.query` that answers by `callback`: with an error, or with null and the rows. */
export interface StatementCall {
  callback: (error: unknown, rows?: readonly Row[]) => void
}

/** What a call needs of a connection of `pg`. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(bytes: Uint8Array): unknown }
}

/**
 * A query class of our own, as the client of `pg` takes it. The names are the driver's; `text`, `name` and `callback` are properties
 * because tracing libraries read the first two and replace the last.
 */
class Call implements StatementCall {
  readonly text: string
  readonly name: string
  callback: StatementCall['callback'] = ignore
  readonly #bytes: Buffer
  readonly #parsers: readonly Parser[]
  readonly #rows: Row[] = []

  constructor({ text, name }: NamedStatement, bytes: Buffer, parsers: readonly Parser[]) {
    this.text = text
    this.name = name
    this.#bytes = bytes
    this.#parsers = parsers
  }

  submit({ stream }: Wire): void {
    // A stream that has ended tells the client, which fails its queries.
    if (stream.writable) stream.write(this.#bytes)
  }

  handleDataRow({ fields }: { readonly fields: (string | null)[] }): void {
    const parsers = this.#parsers
    const row: unknown[] = fields
    for (let at = 0; at < parsers.length; at++) {
      const parse = parsers[at]
      const field = fields[at]
      if (parse !== undefined && field !== null && field !== undefined) row[at] = parse(field)
    }
    this.#rows.push(row)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback(null, this.#rows)
  }

  handleError(error: unknown): void {
    this.callback(error)
  }
}

function ignore(): void {}

function typesOf(result: unknown): readonly number[] | undefined {
  const fields: unknown =
    typeof result === 'object' && result !== null && 'fields' in result ? result.fields : undefined
  if (!Array.isArray(fields) || fields.length === 0) return undefined
  return fields.map((field: { readonly dataTypeID: number }) => field.dataTypeID)
}

/** Execute the portal without a limit; sync. */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])
const BIND = 0x42

/** All that a call sends, in one piece. `undefined`: some value is nothing that is written here. */
function callBytes(prefix: Buffer, values: readonly unknown[]): Buffer | undefined {
  const texts: (string | null)[] = []
  // The length itself, the number of values, and that of the result's formats.
  let length = 4 + prefix.length + 2 + 2
  for (const value of values) {
    const text = textOf(value)
    if (text === undefined) return undefined
    texts.push(text)
    length += 4 + (text === null ? 0 : Buffer.byteLength(text))
  }
  const bytes = Buffer.allocUnsafe(1 + length + EXECUTE_AND_SYNC.length)
  bytes[0] = BIND
  let at = bytes.writeInt32BE(length, 1)
  at += prefix.copy(bytes, at)
  at = bytes.writeUInt16BE(texts.length, at)
  for (const text of texts) {
    const size = text === null ? 0 : bytes.write(text, at + 4)
    bytes.writeInt32BE(text === null ? -1 : size, at)
    at += 4 + size
  }
  at = bytes.writeUInt16BE(0, at)
  EXECUTE_AND_SYNC.copy(bytes, at)
  return bytes
}

/** A parameter as PostgreSQL reads it; `undefined` for what only the driver can write, such as dates and bytes. */
function textOf(value: unknown): string | null | undefined {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  const isNumbers = Array.isArray(value) && value.every((element) => typeof element === 'number')
  return isNumbers ? `{${value.join(',')}}` : undefined
}

/**
 * The part of PostgreSQL's frontend/backend protocol 3.0 that the embedded database needs: statements out, results in.
 * PGlite's own `query()` crosses into WASM six times per statement and describes each one first; one message that binds,
 * describes, executes and syncs takes a third of the time (measured: 0.09 against 0.25 ms, prepared 0.04 ms).
 *
 * @see https://www.postgresql.org/docs/18/protocol-message-formats.html
 */
import type { Parameter } from './protocol.ts'
import { type DatabaseError, errorFromFields } from './database-error.ts'

/** A result column: its name and the oid of its type. */
export interface Column {
  readonly name: string
  readonly typeOid: number
}

/** One decoded answer. `error` is what PostgreSQL reported; with it, `rows` is of no use. */
export interface Answer {
  readonly columns: readonly Column[]
  readonly rows: unknown[][]
  readonly rowCount: number | null
  /** The command tag of the last statement, such as `UPDATE 3`. */
  readonly tag: string
  readonly error: DatabaseError | null
}

/** What the database thread needs to know of an answer without decoding it. */
export interface Outline {
  /** `I` idle, `T` in a transaction, `E` in a failed one, `?` when the answer is incomplete: the session is broken. */
  readonly status: string
  readonly tags: readonly string[]
  readonly sqlstate: string | null
  /** Whether a statement was prepared, hence exists from now on. */
  readonly isPrepared: boolean
  readonly notifications: readonly { readonly channel: string; readonly payload: string }[]
}

const SYNC = message('S')
const DESCRIBE_PORTAL = message('D', Buffer.from('P\0'))
const EXECUTE = message('E', Buffer.from('\0\0\0\0\0'))
/** Without it `COPY … FROM STDIN` waits for data that cannot come and PGlite never returns; elsewhere it is ignored. */
const COPY_FAIL = message('f', Buffer.from('COPY through the embedded database is not supported\0'))
const COPY = /\bcopy\b/i

/** Prepares `text` under `name`; the empty name is PostgreSQL's unnamed statement. */
export function encodeParse(name: string, text: string): Buffer {
  return message('P', Buffer.from(`${name}\0${text}\0\0\0`))
}

/** Forgets the prepared statement `name`. */
export function encodeCloseStatement(name: string): Buffer {
  return message('C', Buffer.from(`S${name}\0`))
}

/** Runs the statement prepared as `name`, or the unnamed one, and describes its rows. */
export function encodeExecution(name: string, values: readonly Parameter[]): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(values.length, 2)
  const tail = Buffer.alloc(2)
  const bind = message('B', Buffer.from(`\0${name}\0`), head, ...values.map(encodeParameter), tail)
  return Buffer.concat([bind, DESCRIBE_PORTAL, EXECUTE, SYNC])
}

/** Closes an exchange that must not be able to wait for COPY data. */
export function guardCopy(text: string, exchange: Buffer): Buffer {
  return COPY.test(text) ? Buffer.concat([exchange, COPY_FAIL, SYNC]) : exchange
}

/** Several statements in one implicit transaction, without parameters. */
export function encodeScript(text: string): Buffer {
  return guardCopy(text, message('Q', Buffer.from(`${text}\0`)))
}

/** Reads an answer at a glance: hops from header to header, past the rows. */
export function outline(answer: Buffer): Outline {
  const tags: string[] = []
  const notifications: { channel: string; payload: string }[] = []
  let status = '?'
  let sqlstate: string | null = null
  let isPrepared = false
  for (const { type, start, end } of messages(answer)) {
    if (type === 'Z') status = answer.toString('latin1', start, start + 1)
    else if (type === 'C') tags.push(answer.toString('latin1', start, end - 1))
    else if (type === '1') isPrepared = true
    else if (type === 'E') sqlstate ??= errorFromFields(errorFields(answer, start, end)).code
    else if (type === 'A') notifications.push(readNotification(answer, start, end))
  }
  return { status, tags, sqlstate, isPrepared, notifications }
}

/** Makes a value of a column's text; `undefined` leaves the text as it is. */
export type Conversion = (typeOid: number) => ((text: string) => unknown) | undefined

/** Decodes an answer, each value through the `conversion` of its column's type. */
export function decodeAnswer(bytes: Uint8Array, conversion: Conversion): Answer {
  const answer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let columns: Column[] = []
  let conversions: (((text: string) => unknown) | undefined)[] = []
  const rows: unknown[][] = []
  let tag = ''
  let error: DatabaseError | null = null
  for (const { type, start, end } of messages(answer)) {
    if (type === 'D') rows.push(readRow(answer, start, conversions))
    else if (type === 'C') tag = answer.toString('latin1', start, end - 1)
    else if (type === 'E') error ??= errorFromFields(errorFields(answer, start, end))
    else if (type === 'T') {
      columns = readColumns(answer, start)
      conversions = columns.map((column) => conversion(column.typeOid))
    }
  }
  const count = Number(tag.slice(tag.lastIndexOf(' ') + 1))
  return { columns, rows, tag, error, rowCount: tag === '' || Number.isNaN(count) ? null : count }
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 4),
    1,
  )
  return Buffer.concat([head, ...parts])
}

function encodeParameter(value: Parameter): Buffer {
  if (value === null) return Buffer.from([255, 255, 255, 255])
  const length = Buffer.byteLength(value)
  const bytes = Buffer.allocUnsafe(4 + length)
  bytes.writeInt32BE(length, 0)
  bytes.write(value, 4)
  return bytes
}

function* messages(answer: Buffer): Generator<{ type: string; start: number; end: number }> {
  let offset = 0
  while (offset + 5 <= answer.length) {
    const end = offset + 1 + answer.readUInt32BE(offset + 1)
    yield { type: String.fromCharCode(answer[offset] ?? 0), start: offset + 5, end }
    offset = end
  }
}

function readColumns(answer: Buffer, start: number): Column[] {
  const columns: Column[] = []
  let offset = start + 2
  for (let left = answer.readUInt16BE(start); left > 0; left -= 1) {
    const nameEnd = answer.indexOf(0, offset)
    columns.push({ name: answer.toString('utf8', offset, nameEnd), typeOid: answer.readUInt32BE(nameEnd + 7) })
    offset = nameEnd + 19
  }
  return columns
}

function readRow(
  answer: Buffer,
  start: number,
  conversions: readonly (((text: string) => unknown) | undefined)[],
): unknown[] {
  const row: unknown[] = []
  let offset = start + 2
  for (const convert of conversions) {
    const length = answer.readInt32BE(offset)
    offset += 4
    if (length < 0) {
      row.push(null)
      continue
    }
    const text = answer.toString('utf8', offset, offset + length)
    row.push(convert === undefined ? text : convert(text))
    offset += length
  }
  return row
}

function readNotification(answer: Buffer, start: number, end: number): { channel: string; payload: string } {
  const channelEnd = answer.indexOf(0, start + 4)
  return {
    channel: answer.toString('utf8', start + 4, channelEnd),
    payload: answer.toString('utf8', channelEnd + 1, end - 1),
  }
}

function errorFields(answer: Buffer, start: number, end: number): Map<string, string> {
  const fields = new Map<string, string>()
  let offset = start
  while (offset < end && answer[offset] !== 0) {
    const valueEnd = answer.indexOf(0, offset + 1)
    fields.set(String.fromCharCode(answer[offset] ?? 0), answer.toString('utf8', offset + 1, valueEnd))
    offset = valueEnd + 1
  }
  return fields
}

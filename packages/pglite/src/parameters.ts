import type { Parameter } from './protocol.ts'

/**
 * The text PostgreSQL reads a JavaScript value from, as node-postgres writes it: numbers, bigints and booleans by their
 * names, dates as ISO 8601 in UTC, bytes as hexadecimal, arrays as array literals, other objects as JSON; `null` and
 * `undefined` are NULL. PostgreSQL decides the type from the statement, so the same text fits `int`, `text` or `jsonb`.
 */
export function encodeValue(value: unknown): Parameter {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'undefined':
      return null
    case 'object':
      return value === null ? null : encodeObject(value)
    case 'function':
    case 'symbol':
      throw new TypeError(`A parameter cannot be a ${typeof value}`)
    default:
      throw new TypeError('A parameter is of no known type')
  }
}

/** Every value of `values`, as {@link encodeValue} writes it. */
export function encodeValues(values: readonly unknown[]): Parameter[] {
  return values.map(encodeValue)
}

function encodeObject(value: object): string {
  if (Array.isArray(value)) return encodeArray(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return encodeBytes(value)
  return JSON.stringify(value)
}

function encodeArray(items: readonly unknown[]): string {
  return `{${items.map(encodeItem).join(',')}}`
}

function encodeItem(item: unknown): string {
  if (Array.isArray(item)) return encodeArray(item)
  const text = encodeValue(item)
  return text === null ? 'NULL' : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

function encodeBytes(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}

/** The most that is shown of one value, in characters of its JSON. */
export const MAX_SHOWN: number = 256 * 1024

/** A value as JSON can carry it: what JSON has no word for is said in text. */
export function plain(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof Map) return { Map: [...value].map(([key, item]) => [plain(key), plain(item)]) }
  if (value instanceof Set) return { Set: [...value].map(plain) }
  if (value instanceof RegExp || value instanceof URL) return String(value)
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

/** Whether the page can give a value back as it is, since it is what JSON makes of it. */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return false
  if (value === undefined) return false
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isPlain)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === null || prototype === Object.prototype) && Object.values(value).every(isPlain)
}

/** A value for the page, with the start of its JSON in its place if that is too long to be sent. */
export interface Shown {
  readonly value: unknown
  /** Of the whole, in characters of its JSON; `null` if all of it is in `value`. */
  readonly cutFrom: number | null
}

export function shown(value: unknown): Shown {
  const text = JSON.stringify(value) ?? 'null'
  if (text.length <= MAX_SHOWN) return { value, cutFrom: null }
  return { value: text.slice(0, 4096), cutFrom: text.length }
}

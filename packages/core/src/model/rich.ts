import type { ValueWriter } from './value-writer.ts'

/**
 * The `'rich'` codec: what JSON lacks, as JSON objects with one key that starts with `$`. It stays plain `jsonb`, so
 * SQL and other languages can read and write it.
 *
 * | value | text |
 * | --- | --- |
 * | `undefined` | `{"$undefined":true}` |
 * | `NaN`, `Infinity`, `-Infinity`, `-0` | `{"$number":"NaN"}` and so on |
 * | bigint | `{"$bigint":"123"}` |
 * | `Date` | `{"$date":"2026-01-01T00:00:00.000Z"}` |
 * | `Uint8Array`, `Buffer` | `{"$bytes":"<base64>"}`, read back as `Uint8Array` |
 * | `Map` | `{"$map":[[key,value],…]}` |
 * | `Set` | `{"$set":[…]}` |
 * | a key of one's own that starts with `$` | with another `$` in front |
 *
 * Instances of other classes are refused: nothing could make them again.
 */

/** The text of a primitive that JSON lacks; `undefined` for everything else. */
export function writeRichPrimitive(writer: ValueWriter, value: unknown): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return '{"$undefined":true}'
    case 'bigint':
      return `{"$bigint":"${value}"}`
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return undefined
      return `{"$number":"${Object.is(value, -0) ? '-0' : String(value)}"}`
    case 'symbol':
    case 'function':
      return writer.refuse(value, 'leave it out')
    case 'boolean':
    case 'object':
    case 'string':
      return undefined
  }
}

/** The text of an object that JSON lacks, or `undefined` for a plain one. Refuses instances of unknown classes. */
export function writeRichObject(writer: ValueWriter, value: object): string | undefined {
  if (isPlainOfAnyRealm(value)) return undefined
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) return writer.refuse(value, 'pass a valid Date')
    return `{"$date":"${value.toISOString()}"}`
  }
  if (value instanceof Uint8Array) {
    return `{"$bytes":"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"}`
  }
  if (value instanceof Map) return writer.nested(value, () => `{"$map":${writer.writeItems([...value])}}`)
  if (value instanceof Set) return writer.nested(value, () => `{"$set":${writer.writeItems([...value])}}`)
  return writer.refuse(value, 'pass plain data; of classes, the rich codec knows Date, Map, Set and Uint8Array')
}

/** The key under which a property is written. */
export function escapeKey(key: string): string {
  return key.startsWith('$') ? `$${key}` : key
}

function isPlainOfAnyRealm(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null)
}

/**
 * The value that was written, from what `JSON.parse` makes of its text. The argument's objects are used up.
 *
 * @throws TypeError for a tag that this codec does not write.
 */
export function reviveRich(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = reviveRich(value[index])
    return value
  }
  const entries = Object.entries(value)
  const [first] = entries
  if (entries.length === 1 && first !== undefined && isTag(first[0])) return reviveTag(first[0], first[1])
  if (!entries.some(([key, item]) => key.startsWith('$') || (typeof item === 'object' && item !== null))) return value
  const revived = {}
  for (const [key, item] of entries) setOwn(revived, key.startsWith('$') ? key.slice(1) : key, reviveRich(item))
  return revived
}

function isTag(key: string): boolean {
  return key.startsWith('$') && !key.startsWith('$$')
}

/** Assignment would call the setter that `Object.prototype` has for `__proto__`. */
function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

function reviveTag(tag: string, value: unknown): unknown {
  switch (tag) {
    case '$undefined':
      return undefined
    case '$number':
      return Number(textOf(tag, value))
    case '$bigint':
      return BigInt(textOf(tag, value))
    case '$date':
      return new Date(textOf(tag, value))
    case '$bytes':
      return Uint8Array.from(Buffer.from(textOf(tag, value), 'base64'))
    case '$map':
      return new Map(listOf(tag, value).map((entry) => entryOf(tag, reviveRich(entry))))
    case '$set':
      return new Set(listOf(tag, value).map(reviveRich))
    default:
      throw new TypeError(`unknown tag ${tag}`)
  }
}

function textOf(tag: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${tag} needs text`)
  return value
}

function listOf(tag: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${tag} needs an array`)
  return value
}

function entryOf(tag: string, value: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(value) || value.length !== 2) throw new TypeError(`${tag} needs pairs`)
  return [value[0], value[1]]
}

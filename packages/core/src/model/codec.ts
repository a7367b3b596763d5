import { MillraceError } from '../errors.ts'
import { DEFAULTS } from './options.ts'
import { MAX_DEPTH, writeValue } from './value-writer.ts'
import { reviveRich } from './rich.ts'

/**
 * How a payload becomes JSON text. `'json'` holds what JSON holds; `'rich'` also dates, bigints, maps, sets, bytes,
 * `undefined` and the numbers JSON lacks (see `rich.ts`).
 */
export type Codec = 'json' | 'rich'

export interface EncodeOptions {
  /** Default `'json'`. */
  readonly codec?: Codec | undefined
  /** The most bytes of UTF-8 the text may have. Default 1,048,576. */
  readonly maxBytes?: number | undefined
  /** What messages call the value. Default `'payload'`. */
  readonly path?: string | undefined
}

/**
 * JSON text that decodes to something deep-equal to `JSON.parse(JSON.stringify(value))`, or with `'rich'` to `value`
 * itself.
 *
 * JSON's own rules hold where nothing is lost by surprise: properties that are `undefined` are dropped, dates and
 * anything with a `toJSON` give what that answers, class instances their own properties. What JSON would alter or drop
 * in silence is refused instead: `NaN`, infinities, functions, symbols, `undefined` in arrays, bigints, maps, sets, bytes.
 * So is what PostgreSQL cannot store (NUL and lone surrogates, in strings and keys), cycles, and nesting beyond 1,000.
 *
 * @throws MillraceError `PAYLOAD_INVALID` with the path in message and `details.field`; `PAYLOAD_TOO_LARGE`.
 */
export function encodePayload(value: unknown, options: EncodeOptions = {}): string {
  const { codec = 'json', maxBytes = DEFAULTS.maxPayloadBytes, path = 'payload' } = options
  const text = codec === 'json' ? writePlain(value, maxBytes) : undefined
  if (text !== undefined) return text
  return writeValue(value, {
    codec,
    maxLength: maxBytes,
    root: path,
    code: 'PAYLOAD_INVALID',
    tooLarge: 'PAYLOAD_TOO_LARGE',
  })
}

/**
 * A handler's output as JSON text, by the rules of `encodePayload` and its `'json'` codec; `undefined` for `undefined`.
 *
 * @throws MillraceError `OUTPUT_INVALID`, also when it is too large.
 */
export function encodeOutput(value: unknown, options: Omit<EncodeOptions, 'codec'> = {}): string | undefined {
  if (value === undefined) return undefined
  const { maxBytes = DEFAULTS.maxPayloadBytes, path = 'output' } = options
  const text = writePlain(value, maxBytes)
  if (text !== undefined) return text
  return writeValue(value, {
    codec: 'json',
    maxLength: maxBytes,
    root: path,
    code: 'OUTPUT_INVALID',
    tooLarge: 'OUTPUT_INVALID',
  })
}

/**
 * The value that `text` stands for. Keys such as `__proto__` become own properties; no prototype is touched.
 *
 * @throws MillraceError `PAYLOAD_INVALID` if `text` is not what the codec writes.
 */
export function decodePayload(text: string, codec: Codec = 'json'): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return codec === 'json' ? value : reviveRich(value)
  } catch (cause) {
    throw new MillraceError('PAYLOAD_INVALID', `The stored payload is not what codec \`${codec}\` writes.`, {
      cause,
      details: { field: 'payload', remedy: `Store it with codec \`${codec}\`, or set the codec it was stored with` },
    })
  }
}

/** As `decodePayload`, of what has been parsed already. */
export function decodeValue(value: unknown, codec: Codec): unknown {
  return codec === 'json' ? value : reviveRich(value)
}

/**
 * The fast way, for plain data that is well-formed and not too large; `undefined` says to take the careful one, which
 * then tells what is wrong, or finds that nothing is. Plain data costs one walk and one `JSON.stringify`.
 */
function writePlain(value: unknown, maxBytes: number): string | undefined {
  try {
    if (spend(value, maxBytes, 0) < 0) return undefined
    const text = JSON.stringify(value)
    if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) return undefined
    // JSON.stringify writes NUL and lone surrogates as escapes; an escape that only looks like one is settled later.
    return text.includes('\\u') && ESCAPED.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

const ESCAPED = /\\u(?:0000|d[89a-f])/

/**
 * What is left of `budget` after `value`, or a negative number if it is not certainly plain, goes too deep or costs
 * more. The costs are lower bounds of the bytes it encodes to, so that a huge value, or a small one that repeats a part
 * of itself over and over, is given up before it is written.
 */
function spend(value: unknown, budget: number, depth: number): number {
  switch (typeof value) {
    case 'string':
      return budget - value.length - 2
    case 'number':
      return Number.isFinite(value) ? budget - 1 : -1
    case 'boolean':
      return budget - 4
    case 'object':
      if (value === null) return budget - 4
      return depth >= MAX_DEPTH ? -1 : spendObject(value, budget, depth)
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
      return -1
  }
}

function spendObject(value: object, budget: number, depth: number): number {
  let left = budget - 2
  if (Array.isArray(value)) {
    if ('toJSON' in value) return -1
    for (let index = 0; left >= 0 && index < value.length; index++) left = spend(value[index], left, depth + 1)
    return left
  }
  if (!isPlain(value)) return isPlainDate(value) ? budget - 26 : -1
  for (const key in value) {
    const property = value[key]
    if (property === undefined) continue
    left = spend(property, left - key.length - 3, depth + 1)
    if (left < 0) return left
  }
  return left
}

function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A valid date that answers for itself; one with a `toJSON` of its own, or of a subclass, is none. */
function isPlainDate(value: object): boolean {
  if (Object.getPrototypeOf(value) !== Date.prototype || !(value instanceof Date)) return false
  return !Number.isNaN(value.getTime()) && !Object.hasOwn(value, 'toJSON')
}

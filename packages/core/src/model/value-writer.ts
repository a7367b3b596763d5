import { MillraceError, isMillraceError } from '../errors.ts'
import type { MillraceErrorCode } from '../errors.ts'
import { describe, isUnstorable } from './check.ts'
import { formatPath } from './payload-path.ts'
import type { PathStep } from './payload-path.ts'
import { escapeKey, writeRichObject, writeRichPrimitive } from './rich.ts'

/** How deep values may nest. PostgreSQL and other readers have limits of their own, all above this one. */
export const MAX_DEPTH = 1000

export interface WriteOptions {
  readonly codec: 'json' | 'rich'
  /** The most bytes of UTF-8 the text may have. */
  readonly maxLength: number
  /** What messages call the value. */
  readonly root: string
  readonly code: MillraceErrorCode
  readonly tooLarge: MillraceErrorCode
}

/**
 * JSON text of `value`, written piece by piece so that each is looked at once and the first that cannot be stored is
 * named with its path. Five to ten times as slow as `JSON.stringify`; `codec.ts` comes here only when it must.
 *
 * @throws MillraceError of the codes in `options`.
 */
export function writeValue(value: unknown, options: WriteOptions): string {
  const writer = new ValueWriter(options)
  try {
    const text = writer.write('', value)
    return text === undefined ? writer.refuse(value, 'pass `null` for nothing') : writer.sized(text)
  } catch (error) {
    if (isMillraceError(error)) throw error
    return writer.refuseBecause(value, 'cannot be read', 'pass plain data', error)
  }
}

/** One pass over one value: where it is, which objects it is inside of, and how much it has written. */
export class ValueWriter {
  readonly #options: WriteOptions
  readonly #path: PathStep[] = []
  readonly #inside: object[] = []
  #written = 0

  constructor(options: WriteOptions) {
    this.#options = options
  }

  /** The text of `value`, or `undefined` if JSON leaves it out. `key` is what `toJSON` is told. */
  write(key: string, value: unknown): string | undefined {
    const isRich = this.#options.codec === 'rich'
    const text = isRich
      ? (writeRichPrimitive(this, value) ?? this.#writeShared(value))
      : this.#writeShared(this.#answerOfToJson(key, value))
    // Inside of something, a comma or the closing bracket comes with it.
    if (text !== undefined) this.#spend(this.#path.length === 0 ? 1 : 2)
    return text
  }

  /** Writes `value`, which must not be left out, as the part of the current value that `step` leads to. */
  writeAt(step: PathStep, value: unknown): string {
    this.#path.push(step)
    const text = this.write(String(step), value)
    if (text === undefined) return this.refuse(value, 'use `null`')
    this.#path.pop()
    return text
  }

  /** Calls `write` with `value` marked as being written, so that a cycle is found. */
  nested(value: object, write: () => string): string {
    if (this.#inside.includes(value))
      return this.refuseBecause(value, 'refers back to an object it is inside of', 'pass ids instead')
    if (this.#inside.length >= MAX_DEPTH) {
      return this.refuseBecause(value, `is nested more than ${MAX_DEPTH} levels deep`, 'flatten it')
    }
    this.#inside.push(value)
    const text = write()
    this.#inside.pop()
    return text
  }

  /** Throws that `value`, at the current path, cannot be stored. */
  refuse(value: unknown, remedy: string): never {
    return this.refuseBecause(value, `is ${describe(value)}, which cannot be stored unaltered`, remedy)
  }

  refuseBecause(value: unknown, reason: string, remedy: string, cause?: unknown): never {
    const field = formatPath(this.#options.root, this.#path)
    throw new MillraceError(this.#options.code, `\`${field}\` ${reason}; ${remedy}.`, {
      ...(cause !== undefined && { cause }),
      details: { field, value, remedy },
    })
  }

  /** `text`, if it is not too large. */
  sized(text: string): string {
    if (text.length > this.#options.maxLength) return this.#refuseSize()
    if (text.length * 3 <= this.#options.maxLength) return text
    const bytes = Buffer.byteLength(text)
    return bytes > this.#options.maxLength ? this.#refuseSize(bytes) : text
  }

  #refuseSize(bytes?: number): never {
    const { root, maxLength, tooLarge } = this.#options
    const size = bytes === undefined ? `more than ${maxLength}` : String(bytes)
    const remedy = 'store the data elsewhere and pass a reference, or raise `maxPayloadBytes`'
    throw new MillraceError(
      tooLarge,
      `\`${root}\` encodes to ${size} bytes, and ${maxLength} are allowed; ${remedy}.`,
      {
        details: { field: root, value: bytes, remedy },
      },
    )
  }

  /** Gives up once what was written is certainly too large: a value that repeats its parts may have no end in sight. */
  #spend(length: number): void {
    this.#written += length
    if (this.#written > this.#options.maxLength) this.#refuseSize()
  }

  #answerOfToJson(key: string, value: unknown): unknown {
    if (ArrayBuffer.isView(value)) return value
    if ((typeof value !== 'object' || value === null) && typeof value !== 'bigint') return value
    if (value instanceof Date && Number.isNaN(value.getTime())) return this.refuse(value, 'pass a valid Date')
    try {
      const toJson: unknown = Reflect.get(Object(value), 'toJSON')
      return typeof toJson === 'function' ? Reflect.apply(toJson, value, [key]) : value
    } catch (cause) {
      return this.refuseBecause(
        value,
        `has a \`toJSON\` that threw ${describe(messageOf(cause))}`,
        'pass plain data',
        cause,
      )
    }
  }

  #writeShared(value: unknown): string | undefined {
    switch (typeof value) {
      case 'string':
        return this.writeString(value)
      case 'number':
        return Number.isFinite(value)
          ? String(value)
          : this.refuse(value, `pass a finite number or null${this.#orRich()}`)
      case 'boolean':
        return value ? 'true' : 'false'
      case 'undefined':
        return undefined
      case 'object':
        return value === null ? 'null' : this.#writeObject(value)
      case 'bigint':
        return this.refuse(value, `pass it as a string${this.#orRich()}`)
      case 'function':
      case 'symbol':
        return this.refuse(value, 'leave it out')
    }
  }

  /** @returns The JSON string literal of `text`. */
  writeString(text: string): string {
    if (isUnstorable(text)) {
      this.refuseBecause(
        text,
        'holds a NUL character or half of a surrogate pair',
        'remove it, or encode the text, for example as base64',
      )
    }
    this.#spend(text.length + 1)
    return JSON.stringify(text)
  }

  #writeObject(value: object): string | undefined {
    if (Array.isArray(value)) return this.nested(value, () => this.writeItems(value))
    if (this.#options.codec === 'rich') return writeRichObject(this, value) ?? this.#writeProperties(value)
    const boxed = unbox(value)
    if (boxed !== value) return this.#writeShared(boxed)
    const remedy = OPAQUE.get(kindOf(value))
    if (remedy !== undefined) return this.refuse(value, remedy)
    return this.#writeProperties(value)
  }

  /** @returns A JSON array of `items`; a hole or `undefined` in it is refused. */
  writeItems(items: readonly unknown[]): string {
    let text = ''
    for (let index = 0; index < items.length; index++) {
      text += `${index === 0 ? '' : ','}${this.writeAt(index, this.#read(items, index))}`
    }
    return `[${text}]`
  }

  #writeProperties(value: object): string {
    return this.nested(value, () => {
      let text = ''
      for (const key of this.#keys(value)) {
        this.#path.push(key)
        if (isUnstorable(key))
          this.refuseBecause(key, 'has a key with NUL or half of a surrogate pair', 'rename the key')
        const property = this.write(key, this.#read(value, key))
        const name = this.#options.codec === 'rich' ? escapeKey(key) : key
        this.#path.pop()
        if (property === undefined) continue
        this.#spend(key.length + 3)
        text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${property}`
      }
      return `{${text}}`
    })
  }

  #keys(value: object): readonly string[] {
    try {
      return Object.keys(value)
    } catch (cause) {
      return this.refuseBecause(
        value,
        `threw ${describe(messageOf(cause))} when its keys were read`,
        'pass plain data',
        cause,
      )
    }
  }

  #read(value: object, key: PathStep): unknown {
    try {
      return Reflect.get(value, key)
    } catch (cause) {
      if (typeof key === 'number') this.#path.push(key)
      return this.refuseBecause(
        undefined,
        `threw ${describe(messageOf(cause))} when it was read`,
        'pass plain data',
        cause,
      )
    }
  }

  #orRich(): string {
    return this.#options.code === 'PAYLOAD_INVALID' ? ", or use `codec: 'rich'`" : ''
  }
}

/** What JSON would make an empty or misleading object of, and what to pass instead. */
const OPAQUE: ReadonlyMap<string, string> = new Map([
  ['Map', "pass an array of entries, or use `codec: 'rich'`"],
  ['Set', "pass an array, or use `codec: 'rich'`"],
  ['Bytes', "pass base64 text, or use `codec: 'rich'`"],
  ['ArrayBuffer', "pass base64 text, or a Uint8Array with `codec: 'rich'`"],
  ['SharedArrayBuffer', 'pass base64 text'],
  ['WeakMap', 'pass plain data'],
  ['WeakSet', 'pass plain data'],
  ['WeakRef', 'pass plain data'],
  ['Promise', 'await it first'],
  ['RegExp', 'pass its `source` as a string'],
  ['Error', 'pass its `message`'],
])

/** What sort of built-in `value` is: its class name as the engine tells it, `'Bytes'` for typed arrays. */
function kindOf(value: object): string {
  if (ArrayBuffer.isView(value)) return 'Bytes'
  try {
    return Object.prototype.toString.call(value).slice(8, -1)
  } catch {
    return 'Object'
  }
}

/** JSON writes `new Number(1)` and its like as the value inside. */
function unbox(value: object): unknown {
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf()
  return value
}

function messageOf(error: unknown): unknown {
  try {
    return error instanceof Error ? error.message : error
  } catch {
    return 'an error that cannot be read'
  }
}

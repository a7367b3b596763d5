import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { MillraceError } from '../errors.ts'
import { decodePayload, encodeOutput, encodePayload } from './codec.ts'

function refusal(run: () => unknown): MillraceError {
  try {
    run()
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function textOrCode(run: () => string): string {
  try {
    return run()
  } catch (error) {
    if (error instanceof MillraceError) return error.code
    throw error
  }
}

const wellFormed = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))

describe('the json codec', () => {
  it('delivers any JSON value deep-equal to its own round trip', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        fc.pre(!JSON.stringify(value).includes('\\u0000'))
        expect(decodePayload(encodePayload(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('delivers whatever is thrown at it like JSON does, or refuses it with a typed error', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    })
    fc.assert(
      fc.property(anything, (value) => {
        const text = textOrCode(() => encodePayload(value))
        expect(text).toBe(text === 'PAYLOAD_INVALID' ? text : JSON.stringify(value))
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['top-level string', '"123"'],
    ['number', 123],
    ['null', null],
    ['boolean', false],
    ['empty array', []],
    ['array', [1, 'two', null]],
    ['text that looks like an escape', { text: '\\u0000 \\ud800' }],
    ['emoji', '😀'],
    ['minus zero', { n: -0 }],
    ['undefined property', { a: undefined, b: 1 }],
    ['date', { at: new Date(0) }],
    ['boxed primitives', { n: new Number(1), s: new String('x'), b: new Boolean(false) }],
    [
      'object of a class',
      new (class Point {
        x = 1
        #hidden = 2
        get sum(): number {
          return this.x + this.#hidden
        }
      })(),
    ],
    ['url', { url: new URL('https://example.org/a') }],
    ['repeated part', ((part) => [part, part])({ a: 1 })],
    ['object with toJSON', { money: { toJSON: () => ({ amount: 1, at: new Date(1) }) } }],
    ['toJSON that gives undefined', { a: { toJSON: () => undefined }, b: 2 }],
  ])('accepts %s and writes what JSON writes', (_name, value) => {
    expect(encodePayload(value)).toBe(JSON.stringify(value))
  })

  const cyclic: Record<string, unknown> = { list: [] }
  cyclic['list'] = [{ back: cyclic }]

  it.each([
    ['nothing', undefined, 'payload', 'null'],
    ['NaN', { items: [{ price: NaN }] }, 'payload.items[0].price', 'rich'],
    ['Infinity', [Infinity], 'payload[0]', 'rich'],
    ['a bigint', { id: 1n }, 'payload.id', 'string'],
    ['undefined in an array', { a: [1, undefined] }, 'payload.a[1]', 'null'],
    ['a function', { 'on done': () => 0 }, 'payload["on done"]', 'leave it out'],
    ['a symbol', { s: Symbol('x') }, 'payload.s', 'leave it out'],
    ['a map', { m: new Map() }, 'payload.m', 'rich'],
    ['a set', { m: new Set([1]) }, 'payload.m', 'rich'],
    ['a typed array', { b: new Float32Array(2) }, 'payload.b', 'base64'],
    ['a buffer', { b: Buffer.from('x') }, 'payload.b', 'base64'],
    ['an array buffer', { b: new ArrayBuffer(2) }, 'payload.b', 'base64'],
    ['a promise', { p: Promise.resolve(1) }, 'payload.p', 'await'],
    ['an error', { e: new TypeError('x') }, 'payload.e', 'message'],
    ['a regular expression', { r: /x/ }, 'payload.r', 'source'],
    ['an invalid date', { d: new Date(NaN) }, 'payload.d', 'valid'],
    ['a cycle', cyclic, 'payload.list[0].back', 'ids'],
    ['NUL in a string', { a: ['x\0y'] }, 'payload.a[0]', 'remove'],
    ['NUL in a key', { a: { 'x\0': 1 } }, 'payload.a["x\\u0000"]', 'rename'],
    ['a lone surrogate', { a: '\ud800x' }, 'payload.a', 'remove'],
    ['a lone surrogate in a key', { '\udfff': 1 }, 'payload["\\udfff"]', 'rename'],
  ])('refuses %s with its path and a remedy', (_name, value, field, remedy) => {
    const error = refusal(() => encodePayload(value))
    expect(error.code).toBe('PAYLOAD_INVALID')
    expect(error.details.field).toBe(field)
    expect(error.message).toContain(`\`${field}\``)
    expect(error.details.remedy).toContain(remedy)
  })

  it('refuses getters, toJSON and proxies that throw, and keeps what they threw', () => {
    const boom = new Error('boom')
    const thrower = (): never => {
      throw boom
    }
    const getter = Object.defineProperty({}, 'x', { get: thrower, enumerable: true })
    expect(refusal(() => encodePayload({ a: getter }))).toMatchObject({
      details: { field: 'payload.a.x' },
      cause: boom,
    })
    const withToJson = { a: [{ toJSON: thrower }] }
    expect(refusal(() => encodePayload(withToJson))).toMatchObject({ details: { field: 'payload.a[0]' }, cause: boom })
    const proxy = new Proxy({}, { ownKeys: thrower, getPrototypeOf: thrower })
    expect(refusal(() => encodePayload({ proxy }))).toMatchObject({ code: 'PAYLOAD_INVALID' })
    expect(refusal(() => encodePayload(new Proxy(new Date(0), {})))).toMatchObject({ code: 'PAYLOAD_INVALID' })
  })

  it('allows a thousand levels and refuses the next', () => {
    const nest = (levels: number): unknown => {
      let value: unknown = 1
      for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { v: value }
      return value
    }
    expect(encodePayload(nest(1000))).toBe(JSON.stringify(nest(1000)))
    expect(refusal(() => encodePayload(nest(1001))).message).toContain('1000 levels')
    expect(refusal(() => encodePayload(nest(100_000))).message).toContain('1000 levels')
  })

  it('counts the limit in bytes of UTF-8', () => {
    expect(encodePayload('é'.repeat(4), { maxBytes: 10 })).toBe('"éééé"')
    expect(refusal(() => encodePayload('é'.repeat(5), { maxBytes: 10 })).code).toBe('PAYLOAD_TOO_LARGE')
    expect(refusal(() => encodePayload('x'.repeat(1_048_575))).code).toBe('PAYLOAD_TOO_LARGE')
    expect(encodePayload('x'.repeat(1_048_574))).toHaveLength(1_048_576)
    expect(refusal(() => encodePayload({ a: 'xx', at: new Date(0) }, { maxBytes: 8 })).code).toBe('PAYLOAD_TOO_LARGE')
  })

  it('never takes a value for larger than its text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const maxBytes = Buffer.byteLength(JSON.stringify(value))
        expect(encodePayload(value, { maxBytes })).toBe(JSON.stringify(value))
        const rich = encodePayload(value, { codec: 'rich' })
        expect(encodePayload(value, { codec: 'rich', maxBytes: Buffer.byteLength(rich) })).toBe(rich)
        expect(() => encodePayload(value, { maxBytes: maxBytes - 1 })).toThrow('bytes')
      }),
    )
  })

  it('does not count properties that are left out', () => {
    const value = { at: new Date(0), gone: undefined, 'gone too': { toJSON: () => undefined } }
    expect(encodePayload(value, { maxBytes: JSON.stringify(value).length })).toBe(JSON.stringify(value))
  })

  it('gives up early on a small value that would encode to a huge one', () => {
    let value: unknown = 'x'
    for (let i = 0; i < 60; i++) value = i % 2 === 0 ? [value, value] : { value, again: value }
    expect(refusal(() => encodePayload(value)).code).toBe('PAYLOAD_TOO_LARGE')
    expect(refusal(() => encodePayload(value, { codec: 'rich' })).code).toBe('PAYLOAD_TOO_LARGE')
  })

  it.each(['json', 'rich'] as const)('keeps `__proto__` and its like as own data with codec %s', (codec) => {
    const value: unknown = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"toString":3}',
    )
    const delivered = decodePayload(encodePayload(value, { codec }), codec)
    expect(JSON.stringify(delivered)).toBe(JSON.stringify(value))
    expect(Object.getPrototypeOf(delivered)).toBe(Object.prototype)
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  it('names the value as it is told to', () => {
    expect(refusal(() => encodePayload([NaN], { path: 'jobs[3].payload' })).details.field).toBe('jobs[3].payload[0]')
  })
})

describe('the rich codec', () => {
  const richValue = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(undefined, null, true, NaN, Infinity, -Infinity, -0, 0, '$date'),
      fc.double(),
      fc.bigInt(),
      wellFormed,
      fc.date({ noInvalidDate: true }),
      fc.uint8Array(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(wellFormed, fc.constantFrom('$', '$date', '$$map', '__proto__')), tie('value'), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
    ),
  })).value

  it('delivers every value it accepts as it was', () => {
    fc.assert(
      fc.property(richValue, (value) => {
        expect(decodePayload(encodePayload(value, { codec: 'rich' }), 'rich')).toStrictEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  it('writes tags that another language can read', () => {
    const value = { at: new Date(0), id: 5n, m: new Map([['a', new Set([undefined])]]), b: Buffer.from('hi'), $x: -0 }
    expect(encodePayload(value, { codec: 'rich' })).toBe(
      '{"at":{"$date":"1970-01-01T00:00:00.000Z"},"id":{"$bigint":"5"},"m":{"$map":[["a",{"$set":[{"$undefined":true}]}]]},' +
        '"b":{"$bytes":"aGk="},"$$x":{"$number":"-0"}}',
    )
  })

  it('survives the reordering of keys that jsonb does', () => {
    const text = encodePayload({ zz: 1, a: new Map([[{ b: 1, a: 2 }, 1]]) }, { codec: 'rich' })
    const reordered = text.replace('{"zz":1,"a":', '{"a":').replace(/\}$/, ',"zz":1}')
    expect(decodePayload(reordered, 'rich')).toEqual({ zz: 1, a: new Map([[{ b: 1, a: 2 }, 1]]) })
  })

  it.each([
    ['an instance of a class', { p: new (class Point {})() }, 'payload.p'],
    ['an error inside a map', new Map([['k', new Error('x')]]), 'payload[0][1]'],
    ['another typed array', [new Float64Array(1)], 'payload[0]'],
    ['a function', [() => 0], 'payload[0]'],
    ['an invalid date', [new Date(NaN)], 'payload[0]'],
    ['NUL', new Set(['\0']), 'payload[0]'],
  ])('refuses %s', (_name, value, field) => {
    const error = refusal(() => encodePayload(value, { codec: 'rich' }))
    expect(error).toMatchObject({ code: 'PAYLOAD_INVALID', details: { field } })
  })

  it('refuses a map that contains itself', () => {
    const map = new Map<string, unknown>()
    map.set('me', [map])
    expect(refusal(() => encodePayload(map, { codec: 'rich' })).message).toContain('refers back')
  })

  it.each(['{"$date":5}', '{"$what":1}', '{"$map":[[1]]}', '{"$bigint":"x"}', 'not json'])(
    'refuses to decode %s',
    (text) => {
      expect(refusal(() => decodePayload(text, 'rich')).code).toBe('PAYLOAD_INVALID')
    },
  )
})

describe('encodeOutput', () => {
  it('gives nothing for undefined and text for everything else', () => {
    expect(encodeOutput(undefined)).toBeUndefined()
    expect(encodeOutput(null)).toBe('null')
    expect(encodeOutput({ a: [1] })).toBe('{"a":[1]}')
  })

  it('refuses what cannot be stored with OUTPUT_INVALID, too large included', () => {
    expect(refusal(() => encodeOutput({ a: 1n }))).toMatchObject({
      code: 'OUTPUT_INVALID',
      details: { field: 'output.a' },
    })
    expect(refusal(() => encodeOutput(() => 0)).code).toBe('OUTPUT_INVALID')
    expect(refusal(() => encodeOutput('xxx', { maxBytes: 4 })).code).toBe('OUTPUT_INVALID')
    expect(refusal(() => encodeOutput({ a: NaN })).message).not.toContain('rich')
  })
})

import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { isUnstorable } from './check.ts'
import { recordError, storableText, toError } from './error-record.ts'

const options = { reason: 'handler_error', attempt: 2, workerId: 'w1', now: new Date(0) } as const
const boom = (): never => {
  throw new Error('trap')
}
const traps = { get: boom, has: boom, getPrototypeOf: boom, ownKeys: boom, getOwnPropertyDescriptor: boom }

describe('recordError', () => {
  it('keeps name, code, message, stack and causes of an error', () => {
    const error = Object.assign(new TypeError('outer', { cause: new Error('inner', { cause: 'root' }) }), {
      code: 'E_X',
    })
    expect(recordError(error, options)).toEqual({
      name: 'TypeError',
      code: 'E_X',
      message: 'outer',
      stack: error.stack,
      timestamp: '1970-01-01T00:00:00.000Z',
      cause: [{ name: 'Error', message: 'inner', stack: expect.any(String) }, { message: 'root' }],
      reason: 'handler_error',
      attempt: 2,
      workerId: 'w1',
    })
  })

  it.each([
    ['a string', 'oops', 'oops'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 42, '42'],
    ['a bigint', 5n, '5'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a function', boom, 'a function'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['an object with a message', { message: 'hi', code: 7 }, 'hi'],
    ['a frozen error', Object.freeze(new Error('frozen')), 'frozen'],
    ['an error without message', new RangeError(), 'RangeError'],
    ['an aggregate without message', new AggregateError([new Error('a'), new Error('b'), 5]), 'a; b; unknown error'],
    ['NUL and lone surrogates', new Error('a\0b\ud800c\u{1f600}'), 'a\ufffdb\ufffdc\u{1f600}'],
    ['a proxy that traps everything', new Proxy({}, traps), 'an object that cannot be read'],
    ['a proxy of an error', new Proxy(new Error('x'), traps), 'an object that cannot be read'],
  ])('has a text for %s', (_name, thrown, message) => {
    expect(recordError(thrown, options).message).toBe(message)
  })

  it('survives getters that throw', () => {
    const error = Object.defineProperties(new Error('x'), {
      stack: { get: boom },
      message: { get: boom },
      cause: { get: boom },
      code: { get: boom },
    })
    expect(recordError(error, options)).toMatchObject({ name: 'Error', message: 'Error' })
  })

  it('cuts what is long and stops at causes that lead back', () => {
    const error = new Error('m'.repeat(2_000_000))
    error.stack = 's'.repeat(2_000_000)
    error.cause = new Error('other', { cause: error })
    const record = recordError(error, options)
    expect(record.message).toHaveLength(2000)
    expect(record.stack).toHaveLength(8000)
    expect(record.cause).toHaveLength(1)
    let chain = new Error('0')
    for (let i = 1; i < 20; i++) chain = new Error(`${i}`, { cause: chain })
    expect(recordError(chain, options).cause?.map((cause) => cause.message)).toEqual(['18', '17', '16', '15', '14'])
  })

  it('never throws, and what it answers can be stored', () => {
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true, withUnicodeString: true }),
      fc.string({ unit: 'binary' }).map((text) => new Error(text)),
    )
    fc.assert(
      fc.property(thrown, (value) => {
        const record = recordError(value, options)
        const texts = [record.message, record.name, record.code, record.stack].filter((text) => text !== undefined)
        expect(texts.filter(isUnstorable)).toEqual([])
        expect(record.message.length).toBeLessThanOrEqual(2000)
        expect(toError(value)).toBeInstanceOf(Error)
      }),
    )
  })
})

describe('storableText', () => {
  it('does not leave half a character where it cuts', () => {
    expect(storableText('ab\u{1f600}cd', 4)).toBe('ab\ufffd…')
    expect(storableText('abcd', 4)).toBe('abcd')
  })
})

describe('toError', () => {
  it('passes errors through and wraps everything else', () => {
    const error = new RangeError('x')
    expect(toError(error)).toBe(error)
    expect(toError('oops')).toMatchObject({ message: 'oops', cause: 'oops' })
    expect(toError(new Proxy(new Error('x'), traps)).message).toBe('an object that cannot be read')
    expect(toError(Object.defineProperty(new Error('x'), 'message', { get: boom })).message).toBe('Error')
  })
})

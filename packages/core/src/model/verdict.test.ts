import { describe, expect, it } from 'vitest'
import { recordError } from './error-record.ts'
import { WaitSignal, fatal, isFatal, isSnooze, snooze, snoozeDelayMs } from './verdict.ts'

describe('fatal', () => {
  it('looks like the error it was given, and keeps it as cause', () => {
    const original = new RangeError('no such account', { cause: 'why' })
    const error = fatal(original)
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.message, error.stack, error.cause]).toEqual([
      'RangeError',
      original.message,
      original.stack,
      original,
    ])
    expect(isFatal(error)).toBe(true)
    expect(isFatal(original)).toBe(false)
  })

  it('takes a message, and anything else that can be thrown', () => {
    expect(fatal('gone').message).toBe('gone')
    expect(fatal('gone').cause).toBeUndefined()
    for (const thrown of [undefined, null, 5, Symbol('s'), {}, Object.freeze(new Error('x'))])
      expect(isFatal(fatal(thrown))).toBe(true)
  })

  it('is recorded as the error it was given', () => {
    const options = { reason: 'handler_error', attempt: 1, workerId: 'w', now: new Date(0) } as const
    const record = recordError(fatal(new RangeError('x', { cause: new Error('why') })), options)
    expect(record).toMatchObject({ name: 'RangeError', message: 'x', cause: [{ message: 'why' }] })
    expect(recordError(fatal('gone'), options)).toMatchObject({ name: 'Error', message: 'gone' })
  })
})

describe('snooze', () => {
  it('carries its delay', () => {
    const verdict = snooze(1500)
    expect(verdict).toBeInstanceOf(Error)
    expect(isSnooze(verdict)).toBe(true)
    expect(snoozeDelayMs(verdict)).toBe(1500)
  })

  it('refuses delays that are not positive or beyond ten years', () => {
    for (const delay of [0, -1, NaN, Infinity, 315_360_000_001]) {
      expect(() => snooze(delay)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    }
    expect(() => Reflect.apply(snooze, undefined, ['5m'])).toThrow('got "5m"')
  })
})

it('verdicts of another copy of the package are understood', () => {
  expect(isFatal({ [Symbol.for('millrace.fatal')]: true })).toBe(true)
  expect(isSnooze({ [Symbol.for('millrace.snooze')]: 5 })).toBe(true)
})

it('nothing else is a verdict, whatever was thrown', () => {
  const hostile = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('trap')
    },
  })
  for (const thrown of [undefined, null, 'fatal', 5, {}, new Error('x'), hostile]) {
    expect(isFatal(thrown)).toBe(false)
    expect(isSnooze(thrown)).toBe(false)
  }
})

it('a proxy that has an answer to everything has given no verdict', () => {
  const oracle = new Proxy(new Error('x'), { get: () => 1 })
  expect([isSnooze(oracle), isFatal(oracle)]).toEqual([false, false])
})

it('WaitSignal has the shape seed 003 gives it', () => {
  const until = new Date(0)
  expect(new WaitSignal('date', until, undefined, { a: 1 })).toMatchObject({
    name: 'WaitSignal',
    message: 'WaitSignal',
    isWaitSignal: true,
    type: 'date',
    waitUntil: until,
    tokenId: undefined,
    stepData: { a: 1 },
  })
})

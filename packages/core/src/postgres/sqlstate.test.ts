import { describe, expect, test } from 'vitest'
import { MillraceError } from '../errors.ts'
import { classify, isTransient, outcomeUnknown, storeCodeOf, toMillraceError } from './sqlstate.ts'

function failure(code: string, message = 'of the driver'): Error {
  return Object.assign(new Error(message), { code })
}

describe('an error of the server or the socket', () => {
  test.each([
    ['08006', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['08P01', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['57P01', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['57P02', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['57P03', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['53300', 'unavailable', 'STORE_UNAVAILABLE', true, false],
    ['ECONNREFUSED', 'unavailable', 'STORE_UNAVAILABLE', true, false],
    ['ENOTFOUND', 'unavailable', 'STORE_UNAVAILABLE', true, false],
    ['ECONNRESET', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['EPIPE', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['ETIMEDOUT', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['25006', 'read_only', 'STORE_UNAVAILABLE', true, false],
    ['0A000', 'read_only', 'STORE_UNAVAILABLE', true, false],
    ['57014', 'timeout', 'STORE_TIMEOUT', true, false],
    ['40001', 'conflict', 'STORE_FAILED', true, false],
    ['40P01', 'conflict', 'STORE_FAILED', true, false],
    ['55P03', 'conflict', 'STORE_TIMEOUT', true, false],
    ['40003', 'unavailable', 'STORE_UNAVAILABLE', true, true],
    ['53100', 'exhausted', 'STORE_FAILED', false, false],
    ['22P02', 'data', 'STORE_FAILED', false, false],
    ['23505', 'data', 'STORE_FAILED', false, false],
    ['42883', 'permanent', 'STORE_FAILED', false, false],
    ['28P01', 'permanent', 'STORE_FAILED', false, false],
    ['57P04', 'permanent', 'STORE_FAILED', false, true],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'permanent', 'STORE_FAILED', false, false],
  ])('%s is %s, %s; transient %s, outcome unknown %s', (...row) => {
    const [code, kind, ours, transient, unknown] = row
    const raw = failure(code)
    const mapped = toMillraceError(raw, 'select 1')
    expect(mapped).toMatchObject({ code: ours, cause: raw, details: { storeCode: code } })
    for (const error of [raw, mapped, new Error('wrapped by a query builder', { cause: raw })]) {
      expect([classify(error), isTransient(error), outcomeUnknown(error)]).toEqual([kind, transient, unknown])
    }
  })
})

describe('an error without a code', () => {
  test.each([
    ['Connection terminated unexpectedly', 'unavailable', true],
    ['timeout exceeded when trying to connect', 'unavailable', false],
    ['Query read timeout', 'timeout', true],
    ['something else', 'permanent', false],
    ['constructor', 'permanent', false],
  ])('%j is %s, outcome unknown %s', (message, kind, unknown) => {
    const raw = new Error(message)
    for (const error of [raw, toMillraceError(raw)]) {
      expect([classify(error), outcomeUnknown(error)]).toEqual([kind, unknown])
    }
  })

  test('while connecting means that there is no connection, and that nothing was sent', () => {
    const error = toMillraceError(new Error('anything'), undefined, 'connect')
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', details: { outcome: 'none' } })
    expect(isTransient(error)).toBe(true)
  })

  test('is permanent if it is no error at all', () => {
    expect([classify('text'), classify(null), storeCodeOf({ code: '40001' })]).toEqual([
      'permanent',
      'permanent',
      undefined,
    ])
  })
})

test('a connection lost while connecting, or before a commit, had no effect', () => {
  expect(outcomeUnknown(toMillraceError(failure('ECONNRESET'), undefined, 'connect'))).toBe(false)
  expect(outcomeUnknown(toMillraceError(failure('57P01'), 'insert', 'uncommitted'))).toBe(false)
})

test('a MillraceError stays as it is', () => {
  const error = new MillraceError('LEASE_LOST', 'taken over', { cause: failure('40001') })
  expect(toMillraceError(error)).toBe(error)
  expect(classify(new MillraceError('STORE_UNAVAILABLE', 'down'))).toBe('unavailable')
  expect(outcomeUnknown(new MillraceError('STORE_TIMEOUT', 'late'))).toBe(true)
})

test('the message names the code, the outcome and the first line of the statement', () => {
  expect(toMillraceError(failure('22012', 'division by zero'), '  select 1/0\nfrom x').message).toBe(
    'The database failed: division by zero [22012]; the statement had no effect: select 1/0',
  )
})

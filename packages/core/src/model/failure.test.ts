import { describe, expect, test } from 'vitest'
import { causeOf, type FailureRecord, groupFailures } from './failure.ts'

const failure = (message: string, more: Partial<FailureRecord> = {}): FailureRecord => ({
  id: 1,
  jobType: 'mail',
  tenantId: null,
  failedAt: new Date(1000),
  isFinal: true,
  attempts: 1,
  reason: 'handler_error',
  error: { message, timestamp: '2026-01-01T00:00:00.000Z', name: 'Error' },
  ...more,
})
const withStack = (stack: string): FailureRecord =>
  failure('x', { error: { message: 'x', timestamp: '2026-01-01T00:00:00.000Z', stack } })

describe('causeOf', () => {
  test.each([
    ['order 17 not found', 'order 4711 not found', 'order <n> not found'],
    ['connect ECONNREFUSED 10.0.0.7:443', 'connect ECONNREFUSED 10.1.2.3:80', 'connect ECONNREFUSED <ip>:<n>'],
    ['no user ada@example.com', 'no user bob.b@mail.example.org', 'no user <email>'],
    ['late since 2026-01-01T10:00:00.000Z', 'late since 2026-02-01 11:30:00', 'late since <time>'],
    [
      'key 0198f1a2-7c1d-7000-8000-0123456789ab is taken',
      'key 0198f1a2-7c1d-7000-8000-ba9876543210 is taken',
      'key <uuid> is taken',
    ],
    [
      'GET https://api.example.com/a?token=1 failed',
      'GET https://api.example.com/b failed',
      'GET https://api.example.com/<path> failed',
    ],
    ["no field 'total' here", "no field 'sum' here", "no field '<text>' here"],
    ['blob deadbeef01', 'blob cafebabe99', 'blob <hex>'],
  ])('%s is the same as %s', (one, other, pattern) => {
    expect(causeOf(failure(one))).toEqual(causeOf(failure(other)))
    expect(causeOf(failure(one)).pattern).toBe(pattern)
  })

  test.each([
    [failure('timeout'), failure('refused')],
    [failure('timeout'), failure('timeout', { jobType: 'hook' })],
    [failure('timeout'), failure('timeout', { reason: 'timeout' })],
    [failure("can't stop"), failure("can't start, won't run")],
    [
      withStack('Error: x\n    at send (/app/src/mail.ts:1:2)'),
      withStack('Error: x\n    at read (/app/src/mail.ts:1:2)'),
    ],
  ])('what differs in more than its values is another cause (%#)', (one, other) => {
    expect(causeOf(one).fingerprint).not.toBe(causeOf(other).fingerprint)
  })

  test.each([
    [
      'Error: x\n    at send (/srv/app/src/mail.ts:10:5)\n    at main (/srv/app/src/main.ts:1:1)',
      'send (app/src/mail.ts)',
    ],
    [
      'Error: x\n    at node:net:1:2\n    at a (/app/node_modules/pg/lib/client.js:1:2)\n    at send (file:///app/mail.js:3:4)',
      'send (app/mail.js)',
    ],
    ['Error: x\n    at async Object.send (C:\\app\\src\\mail.ts:10:5)', 'async Object.send (app/src/mail.ts)'],
    ['Error: x\n    at /app/src/mail.ts:10:5', 'app/src/mail.ts'],
    ['Error: x\n    at run (/app/node_modules/pg/lib/client.js:1:2)', 'run (pg/lib/client.js)'],
    ['no stack at all', null],
  ])('the place is the first frame of the application (%#)', (stack, frame) => {
    expect(causeOf(withStack(stack)).frame).toBe(frame)
  })

  test('a line that moves with a deploy does not make another cause', () => {
    const at = (line: number): FailureRecord => withStack(`Error: x\n    at send (/app/src/mail.ts:${line}:5)`)
    expect(causeOf(at(10))).toEqual(causeOf(at(12)))
  })

  test('a message of megabytes is no work', () => {
    const startedAt = performance.now()
    causeOf(failure(`${"'".repeat(2_000_000)}${'a1'.repeat(1_000_000)}`))
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})

test('groups count, span and order what they hold', () => {
  const at = (id: number, message: string, failedAt: number, isFinal = true): FailureRecord =>
    failure(message, { id, failedAt: new Date(failedAt), isFinal })
  const [latest, other] = groupFailures([
    at(1, 'order 1', 0),
    at(2, 'gone', 600),
    at(3, 'order 2', 1200, false),
    at(4, 'order 3', 1200),
  ])
  expect(latest).toMatchObject({ count: 3, final: 2, message: 'order 3', pattern: 'order <n>', jobIds: [4, 3, 1] })
  expect(latest).toMatchObject({ finalJobIds: [4, 1], firstAt: new Date(0), lastAt: new Date(1200) })
  expect(latest?.spread).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
  expect(other).toMatchObject({ count: 1, jobIds: [2] })
  expect(groupFailures([])).toEqual([])
})

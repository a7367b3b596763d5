import { describe, expect, it, vi } from 'vitest'
import { MillraceError } from '../errors.ts'
import type { JobHandler } from '../model/handler.ts'
import { fatal, snooze } from '../model/verdict.ts'
import type { SettleResult } from '../store/settle.ts'
import { createAttemptBench } from '../testing/attempt-bench.ts'
import { createGate } from '../testing/gate.ts'
import type { HandlerEntry } from './handler-entry.ts'

type Spy = (...given: unknown[]) => unknown

const CANCEL = new MillraceError('JOB_CANCELLED', 'cancelled')
const LOST = new MillraceError('LEASE_LOST', 'lost')
const DRAIN = new MillraceError('SHUTTING_DOWN', 'draining')

describe('what a handler gets', () => {
  it('is the decoded payload, a signal, and everything about its attempt', async () => {
    let got: unknown[] = []
    const attempt = createAttemptBench().start((...given) => {
      got = given
    })
    expect(await attempt.outcome).toEqual({ kind: 'returned' })
    const [payload, signal, ctx] = got
    expect(payload).toEqual({ to: 'a@b.c' })
    expect(signal).toBeInstanceOf(AbortSignal)
    expect(ctx).toMatchObject({
      jobId: 7,
      jobType: 'email',
      attempt: 2,
      maxAttempts: 3,
      tags: ['x'],
      idempotencyKey: 'key',
      groupId: 'group',
      tenantId: null,
      workerId: 'worker',
      createdAt: new Date('2026-01-01'),
      signal,
    })
  })
})

describe('what a handler does', () => {
  const cases: readonly { does: string; handler: JobHandler; outcome: unknown }[] = [
    { does: 'returns nothing', handler: () => undefined, outcome: { kind: 'returned' } },
    { does: 'returns a value', handler: () => 0, outcome: { kind: 'returned', output: '0' } },
    { does: 'returns null', handler: () => null, outcome: { kind: 'returned', output: 'null' } },
    { does: 'resolves', handler: async () => ({ a: [1] }), outcome: { kind: 'returned', output: '{"a":[1]}' } },
    {
      does: 'returns an object that is no promise',
      handler: () => ({ a: 1 }),
      outcome: { kind: 'returned', output: '{"a":1}' },
    },
    {
      does: 'returns a thenable that calls back twice',
      handler: () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- The subject of the test.
        then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
          resolve('first')
          resolve('second')
          reject(new Error('third'))
        },
      }),
      outcome: { kind: 'returned', output: '"first"' },
    },
    {
      does: 'returns a bigint',
      handler: () => 1n,
      outcome: { kind: 'threw', reason: 'handler_error', error: { code: 'OUTPUT_INVALID' } },
    },
    {
      does: 'throws',
      handler: () => thrown(new Error('now')),
      outcome: { kind: 'threw', reason: 'handler_error', error: new Error('now') },
    },
    {
      does: 'throws undefined',
      handler: () => thrown(undefined),
      outcome: { kind: 'threw', reason: 'handler_error', error: undefined },
    },
    {
      does: 'rejects',
      handler: () => Promise.reject(new Error('later')),
      outcome: { kind: 'threw', reason: 'handler_error', error: new Error('later') },
    },
    { does: 'throws a snooze', handler: () => thrown(snooze(500)), outcome: { kind: 'snoozed', delayMs: 500 } },
    { does: 'returns a snooze', handler: async () => snooze(500), outcome: { kind: 'snoozed', delayMs: 500 } },
    {
      does: 'throws a fatal error',
      handler: () => thrown(fatal('never')),
      outcome: { kind: 'fatal', reason: 'handler_error', error: { message: 'never' } },
    },
    {
      does: 'returns a fatal error',
      handler: async () => fatal('never'),
      outcome: { kind: 'fatal', reason: 'handler_error', error: { message: 'never' } },
    },
  ]
  it.each(cases)('$does: its outcome says so', async ({ handler, outcome }) => {
    const { start, clock } = createAttemptBench()
    expect(await start(handler).outcome).toMatchObject(outcome as object)
    expect(clock.pendingTimers).toBe(0)
  })

  it('fails with the documented message when there is no handler', async () => {
    const outcome = await createAttemptBench().start(undefined).outcome
    expect(outcome).toMatchObject({
      kind: 'threw',
      reason: 'no_handler',
      error: { code: 'NO_HANDLER', message: 'No handler registered for job type: email' },
    })
  })

  it('fails for good, without a call, when the payload cannot be decoded', async () => {
    const handler = vi.fn<Spy>()
    expect(await createAttemptBench().start(handler, { payload: '{' }).outcome).toMatchObject({
      kind: 'fatal',
      reason: 'payload_invalid',
    })
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('a schema', () => {
  const withSchema = (validate: (value: unknown) => never): Partial<HandlerEntry> => ({
    schema: { '~standard': { version: 1, vendor: 'test', validate } },
  })

  it.each([false, true])('gives the handler what it makes of the payload (async: %s)', async (isAsync) => {
    const result = { value: { to: 'changed' } }
    const schema = withSchema(() => (isAsync ? Promise.resolve(result) : result) as never)
    const attempt = createAttemptBench().start((payload) => payload, {}, schema)
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '{"to":"changed"}' })
  })

  it.each([false, true])(
    'fails the job for good, without a call, when the payload breaks it (async: %s)',
    async (isAsync) => {
      const handler = vi.fn<Spy>()
      const result = { issues: [{ message: 'expected a number', path: ['items', 3] }] }
      const schema = withSchema(() => (isAsync ? Promise.resolve(result) : result) as never)
      const outcome = await createAttemptBench().start(handler, {}, schema).outcome
      expect(outcome).toMatchObject({ kind: 'fatal', reason: 'payload_invalid', error: { code: 'PAYLOAD_INVALID' } })
      expect(handler).not.toHaveBeenCalled()
    },
  )

  it('fails only the attempt when it throws', async () => {
    const schema = withSchema(() => thrown(new Error('database away')))
    expect(await createAttemptBench().start(vi.fn<Spy>(), {}, schema).outcome).toMatchObject({
      kind: 'threw',
      reason: 'handler_error',
    })
  })

  it.each([
    { reason: CANCEL, kind: 'cancelled' },
    { reason: DRAIN, kind: 'released' },
  ])('is not waited for, and its handler never called, after $reason.code', async ({ reason, kind }) => {
    const handler = vi.fn<Spy>()
    const validated = createGate<never>()
    const attempt = createAttemptBench().start(
      handler,
      {},
      withSchema(() => validated.promise as never),
    )
    attempt.abort(reason)
    expect(await attempt.outcome).toEqual({ kind })
    validated.open({ value: 1 } as never)
    await Promise.resolve()
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('reports', () => {
  it('are stored before the outcome is known, also when the handler does not wait for them', async () => {
    const stored = createGate<SettleResult>()
    const progress = vi.fn<Spy>()
    const { start } = createAttemptBench({
      report: () => stored.promise,
      onProgress: (job, percent) => progress(job.id, percent),
    })
    const ended = vi.fn<Spy>()
    const attempt = start((_payload, _signal, ctx) => void ctx.setProgress(99.6))
    void attempt.outcome.then(ended)
    await Promise.resolve()
    expect(ended).not.toHaveBeenCalled()
    stored.open('settled')
    expect(await attempt.outcome).toEqual({ kind: 'returned' })
    expect(progress).toHaveBeenCalledExactlyOnceWith(7, 100)
  })

  it('do not hold back a lost lease', async () => {
    const attempt = createAttemptBench({ report: () => new Promise(() => undefined) }).start(
      (_payload, _signal, ctx) => void ctx.setProgress(1),
    )
    attempt.abort(LOST)
    expect(await attempt.outcome).toEqual({ kind: 'lost' })
  })

  it('of an output make the returned value count for nothing', async () => {
    const outputs: unknown[] = []
    const { start, reports } = createAttemptBench({ onOutput: (_job, output) => outputs.push(output) })
    const attempt = start(async (_payload, _signal, { setOutput }) => {
      await setOutput({ a: 1 })
      return 'ignored'
    })
    expect(await attempt.outcome).toEqual({ kind: 'returned' })
    expect(reports).toEqual([{ id: 7, token: 70, output: '{"a":1}' }])
    expect(outputs).toEqual([{ a: 1 }])
  })

  it('that the store fails to take do not fail the job, and the output goes along with the outcome', async () => {
    const errors: unknown[] = []
    const { start } = createAttemptBench({
      report: () => Promise.reject(new Error('away')),
      onReportError: (_job, error) => errors.push(error),
    })
    const attempt = start(async (_payload, _signal, ctx) => {
      await ctx.setProgress(10)
      await ctx.setOutput([1])
    })
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '[1]' })
    expect(errors).toHaveLength(2)
  })

  it('fail the job when they are invalid and awaited', async () => {
    const attempt = createAttemptBench().start((_payload, _signal, ctx) => ctx.setProgress(Number.NaN))
    expect(await attempt.outcome).toMatchObject({
      kind: 'threw',
      error: { message: 'Progress must be between 0 and 100' },
    })
  })
})

function thrown(value: unknown): never {
  throw value
}

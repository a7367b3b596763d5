import { describe, expect, it, vi } from 'vitest'
import { isMillraceError, MillraceError } from '../errors.ts'
import type { JobContext, JobHandler } from '../model/handler.ts'
import { snooze } from '../model/verdict.ts'
import { createAttemptBench } from '../testing/attempt-bench.ts'
import { createGate } from '../testing/gate.ts'

type Spy = (...given: unknown[]) => unknown

const CANCEL = new MillraceError('JOB_CANCELLED', 'cancelled')
const LOST = new MillraceError('LEASE_LOST', 'lost')
const DRAIN = new MillraceError('SHUTTING_DOWN', 'draining')

/** Rejects when its signal fires, with the signal's reason. */
const obedient: JobHandler = (_payload, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

const deaf: JobHandler = (_payload, _signal) => new Promise(() => undefined)

describe('a lost lease', () => {
  it('ends the attempt at once and fires the signal', async () => {
    let signal: AbortSignal | undefined
    const { start, clock } = createAttemptBench()
    const attempt = start(
      (_payload, given) => {
        signal = given
        return new Promise(() => undefined)
      },
      { timeoutMs: 100 },
    )
    attempt.abort(LOST)
    expect(await attempt.outcome).toEqual({ kind: 'lost' })
    expect(signal?.reason).toBe(LOST)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is noticed by a report that the store refuses', async () => {
    const { start } = createAttemptBench({ report: () => Promise.resolve('lost') })
    const rejected = createGate<unknown>()
    const attempt = start(async (_payload, signal, ctx) => {
      rejected.open(await ctx.setProgress(1).catch((error: unknown) => error))
      return signal.aborted
    })
    expect(await attempt.outcome).toEqual({ kind: 'lost' })
    expect(isMillraceError(await rejected.promise, 'LEASE_LOST')).toBe(true)
  })

  it('wins over a cancellation that is under way', async () => {
    const attempt = createAttemptBench().start(deaf)
    attempt.abort(CANCEL)
    attempt.abort(LOST)
    expect(await attempt.outcome).toEqual({ kind: 'lost' })
  })

  it('shows in a signal that is read only afterwards', async () => {
    const late = createGate<JobContext>()
    const attempt = createAttemptBench().start((_payload, _signal, ctx) => {
      late.open(ctx)
      return new Promise(() => undefined)
    })
    attempt.abort(LOST)
    expect((await late.promise).signal.reason).toBe(LOST)
  })
})

describe.each([
  { code: 'JOB_CANCELLED', reason: CANCEL, kind: 'cancelled' },
  { code: 'SHUTTING_DOWN', reason: DRAIN, kind: 'released' },
])('$code', ({ reason, kind }) => {
  it(`is ${kind} when the handler rejects`, async () => {
    const { start, clock } = createAttemptBench()
    const attempt = start(obedient)
    attempt.abort(reason)
    expect(await attempt.outcome).toEqual({ kind })
    expect(clock.pendingTimers).toBe(0)
  })

  it('is overruled by a handler that finishes its work', async () => {
    const end = createGate<string>()
    const attempt = createAttemptBench().start(() => end.promise)
    attempt.abort(reason)
    end.open('done')
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '"done"' })
  })

  it(`is ${kind} when the handler does not end within the grace`, async () => {
    const { start, clock } = createAttemptBench({ cancelGraceMs: 1_000 })
    const attempt = start(deaf)
    const ended = vi.fn<Spy>()
    void attempt.outcome.then(ended)
    attempt.abort(reason)
    await clock.advance(999)
    expect(ended).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(await attempt.outcome).toEqual({ kind })
  })

  it('has a grace that a later call can shorten but not extend', async () => {
    const { start, clock } = createAttemptBench()
    const attempt = start(deaf)
    attempt.abort(reason, 1_000)
    attempt.abort(reason, 100)
    attempt.abort(reason, 5_000)
    await clock.advance(100)
    expect(await attempt.outcome).toEqual({ kind })
  })

  it('does nothing once the attempt has ended', async () => {
    const { start, clock } = createAttemptBench()
    const attempt = start(() => 1)
    attempt.abort(reason)
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '1' })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('stopping for two reasons', () => {
  it.each([
    [CANCEL, DRAIN],
    [DRAIN, CANCEL],
  ])('keeps a cancelled job from coming back', async (first, second) => {
    const { start, clock } = createAttemptBench()
    const attempt = start(deaf)
    attempt.abort(first, 1_000)
    attempt.abort(second, 0)
    await clock.advance(0)
    expect(await attempt.outcome).toEqual({ kind: 'cancelled' })
  })

  it('honours a snooze during a drain, but not after a cancellation', async () => {
    const draining = createAttemptBench().start(
      (_payload, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(snooze(900)))),
    )
    draining.abort(DRAIN)
    expect(await draining.outcome).toEqual({ kind: 'snoozed', delayMs: 900 })
    const cancelled = createAttemptBench().start(
      (_payload, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(snooze(900)))),
    )
    cancelled.abort(CANCEL)
    expect(await cancelled.outcome).toEqual({ kind: 'cancelled' })
  })

  it('runs into its time limit while draining, but not once it is cancelled', async () => {
    const { start, clock } = createAttemptBench()
    const draining = start(deaf, { timeoutMs: 100 })
    const cancelled = start(deaf, { timeoutMs: 100 })
    draining.abort(DRAIN, 500)
    cancelled.abort(CANCEL, 500)
    await clock.advance(500)
    expect(await draining.outcome).toMatchObject({ kind: 'threw', reason: 'timeout' })
    expect(await cancelled.outcome).toEqual({ kind: 'cancelled' })
  })
})

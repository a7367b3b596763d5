import { describe, expect, it, vi } from 'vitest'
import { isMillraceError } from '../errors.ts'
import type { JobHandler, OnTimeoutCallback } from '../model/handler.ts'
import { createAttemptBench } from '../testing/attempt-bench.ts'
import { createGate } from '../testing/gate.ts'

type Spy = (...given: unknown[]) => unknown

const deaf: JobHandler = (_payload, _signal) => new Promise(() => undefined)

describe('a time limit', () => {
  const timeout = (ms: number): unknown => ({
    kind: 'threw',
    reason: 'timeout',
    error: { code: 'JOB_TIMEOUT', message: `Job timed out after ${ms} ms` },
  })

  it('fails the attempt when it is over and fires the signal with the same error', async () => {
    let signal: AbortSignal | undefined
    const { start, clock } = createAttemptBench()
    const attempt = start(
      (_payload, given) => {
        signal = given
        return deaf(_payload, given, {} as never)
      },
      { timeoutMs: 100 },
    )
    expect(attempt.deadline).toBe(100)
    await clock.advance(99)
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(await attempt.outcome).toMatchObject(timeout(100) as object)
    expect(isMillraceError(signal?.reason, 'JOB_TIMEOUT')).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is the default of the worker for a job without one', async () => {
    const { start, clock } = createAttemptBench({ defaultTimeoutMs: 50 })
    const attempt = start(deaf)
    await clock.advance(50)
    expect(await attempt.outcome).toMatchObject(timeout(50) as object)
  })

  it('leaves no timer behind when the handler ends in time', async () => {
    const { start, clock } = createAttemptBench()
    await start(async () => undefined, { timeoutMs: 100 }).outcome
    expect(clock.pendingTimers).toBe(0)
  })

  it('can be prolonged before the first await, and the store is told', async () => {
    const { start, clock, reports } = createAttemptBench()
    const attempt = start(
      (_payload, _signal, { prolong }) => {
        prolong(5_000)
        return new Promise(() => undefined)
      },
      { timeoutMs: 200 },
    )
    await clock.advance(4_999)
    expect(reports).toEqual([{ id: 7, token: 70, prolongedMs: 5_000 }])
    await clock.advance(1)
    expect(await attempt.outcome).toMatchObject(timeout(5_000) as object)
  })

  it('starts again with its first duration when prolonged without one', async () => {
    const { start, clock } = createAttemptBench()
    const time = createGate()
    const attempt = start(
      async (_payload, _signal, ctx) => {
        await time.promise
        ctx.prolong()
        return deaf(undefined, ctx.signal, ctx)
      },
      { timeoutMs: 100 },
    )
    await clock.advance(80)
    time.open()
    await clock.advance(99)
    expect(attempt.deadline).toBe(180)
    await clock.advance(1)
    expect(await attempt.outcome).toMatchObject(timeout(100) as object)
  })

  it.each([Number.NaN, -1, 0, Number.POSITIVE_INFINITY])('cannot be prolonged by %s', async (ms) => {
    const outcome = await createAttemptBench().start((_payload, _signal, ctx) => ctx.prolong(ms)).outcome
    expect(outcome).toMatchObject({ kind: 'threw', error: { code: 'OPTION_INVALID' } })
  })

  it('may be longer than a timer holds', async () => {
    const { start, clock } = createAttemptBench()
    const days30 = 30 * 86_400_000
    const attempt = start(
      (_payload, _signal, ctx) => {
        ctx.prolong(days30)
        return new Promise(() => undefined)
      },
      { timeoutMs: 100 },
    )
    const ended = vi.fn<Spy>()
    void attempt.outcome.then(ended)
    await clock.advance(days30 - 1)
    expect(ended).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(await attempt.outcome).toMatchObject(timeout(days30) as object)
  })

  it('asks the callback set last, and goes on as long as that answers with a positive number', async () => {
    const { start, clock, reports } = createAttemptBench()
    const first = vi.fn<OnTimeoutCallback>()
    const answers: (number | undefined)[] = [50, 60, undefined]
    const attempt = start(
      (_payload, _signal, { onTimeout }) => {
        onTimeout(first)
        onTimeout(() => answers.shift())
        return new Promise(() => undefined)
      },
      { timeoutMs: 100 },
    )
    await clock.advance(209)
    expect(reports.map((report) => report.prolongedMs)).toEqual([50, 60])
    await clock.advance(1)
    expect(await attempt.outcome).toMatchObject(timeout(60) as object)
    expect(first).not.toHaveBeenCalled()
  })

  it.each([
    { answer: 'throws', callback: () => thrown(new Error('callback')) },
    { answer: 'answers NaN', callback: () => Number.NaN },
    { answer: 'answers a rejecting promise', callback: () => Promise.reject(new Error('late')) as never },
  ])('holds when the callback $answer', async ({ callback }) => {
    const { start, clock } = createAttemptBench()
    const attempt = start(
      (_payload, _signal, ctx) => {
        ctx.onTimeout(callback)
        return new Promise(() => undefined)
      },
      { timeoutMs: 100 },
    )
    await clock.advance(100)
    expect(await attempt.outcome).toMatchObject(timeout(100) as object)
  })

  it('does not exist without `timeoutMs`: `prolong` and `onTimeout` do nothing', async () => {
    const { start, clock, reports } = createAttemptBench()
    const attempt = start((_payload, _signal, ctx) => {
      ctx.prolong(10)
      ctx.onTimeout(() => 10)
    })
    expect(await attempt.outcome).toEqual({ kind: 'returned' })
    expect([attempt.deadline, clock.pendingTimers, reports]).toEqual([null, 0, []])
  })

  it('shuts out whatever the handler still does', async () => {
    const { start, clock, reports } = createAttemptBench()
    const late = createGate()
    const done = createGate<unknown>()
    const attempt = start(
      async (_payload, _signal, ctx) => {
        await late.promise
        done.open(await ctx.setProgress(50).catch((error: unknown) => error))
        return 'late'
      },
      { timeoutMs: 100 },
    )
    await clock.advance(100)
    late.open()
    expect(isMillraceError(await done.promise, 'LEASE_LOST')).toBe(true)
    expect(await attempt.outcome).toMatchObject(timeout(100) as object)
    expect(reports).toEqual([])
  })
})

function thrown(value: unknown): never {
  throw value
}

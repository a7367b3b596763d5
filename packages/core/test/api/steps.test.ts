import { describe, expect, it } from 'vitest'
import { fatal, isMillraceError, type JobHandler, snooze, type StepContext } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 14: `ctx.run` as documented, and what goes beyond.

class Point {
  readonly x: number
  constructor(x: number) {
    this.x = x
  }
}

describe.skipIf(!hasServer)('steps', () => {
  const api = useApi('api_steps')
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload: null, retryDelay: 0, ...options })
  /** Runs the job until it has ended, each attempt in a batch of its own. */
  const finish = async (id: number, work: JobHandler): Promise<void> => {
    for (let n = 0; n < 10 && (await api.job(id)).status !== 'completed'; n++) await api.run({ work }, { onError })
  }
  const onError = (): void => undefined
  const codeOf = (error: unknown): string => (isMillraceError(error) ? error.code : String(error))

  it('run once, and their results are returned by later attempts', async () => {
    const calls: string[] = []
    const results: unknown[] = []
    const id = await add()
    const work: JobHandler = async (_payload, _signal, ctx) => {
      results.push(await ctx.run('first', () => calls.push('first')))
      results.push(await ctx.run('second', async () => calls.push('second')))
      if (ctx.attempt === 1) throw new Error('after both')
    }
    await finish(id, work)
    expect(calls).toEqual(['first', 'second'])
    expect(results).toEqual([1, 2, 1, 2])
    expect(await api.job(id)).toMatchObject({ status: 'completed', attempts: 2 })
  })

  it('are seen while the job runs or waits, in `stepData` as documented, and cleared from there when it completes', async () => {
    const id = await add()
    const work: JobHandler = async (_payload, _signal, ctx) => {
      await ctx.run('fetch', () => ({ n: 1 }))
      await ctx.run('nothing', () => undefined)
      if (ctx.attempt === 1) {
        await ctx.run('broken', () => Promise.reject(new Error('no')))
      }
    }
    await api.run({ work }, { onError })
    expect((await api.job(id)).stepData).toEqual({
      fetch: { __completed: true, result: { n: 1 } },
      nothing: { __completed: true, result: undefined },
      broken: { __completed: false },
    })
    await finish(id, work)
    expect((await api.job(id)).stepData).toBeUndefined()
  })

  it('are listed with attempt, tries, time, result and error, also after the job has completed', async () => {
    const id = await add()
    await finish(id, async (_payload, _signal, ctx) => {
      await ctx.run('first', () => 'a')
      await ctx.run('flaky', () => {
        if (ctx.attempt === 1) throw new RangeError('too far')
        return 'b'
      })
    })
    const [first, flaky, ...others] = await api.queue.getJobSteps(id)
    expect(others).toEqual([])
    expect(first).toEqual({
      name: 'first',
      kind: 'step',
      status: 'done',
      attempt: 1,
      tries: 1,
      startedAt: expect.any(Date),
      endedAt: expect.any(Date),
      durationMs: expect.any(Number),
      result: 'a',
      error: null,
      waitUntil: null,
      awaited: null,
    })
    expect(flaky).toMatchObject({ name: 'flaky', status: 'done', attempt: 2, tries: 2, result: 'b' })
    expect(flaky?.error).toMatchObject({ message: 'too far', name: 'RangeError', attempt: 1, reason: 'handler_error' })
    expect(await api.queue.getJobSteps(id + 99)).toEqual([])
  })

  it('are kept by a final failure and by `retryJob`, which goes on where the job failed', async () => {
    let charged = 0
    let isUp = false
    const id = await add({ maxAttempts: 1 })
    const work: JobHandler = async (_payload, _signal, ctx) => {
      await ctx.run('charge', () => ++charged)
      if (!isUp) throw new Error('down')
      return charged
    }
    await api.run({ work }, { onError })
    expect(await api.job(id)).toMatchObject({ status: 'failed', nextAttemptAt: null })
    expect(await api.queue.getJobSteps(id)).toHaveLength(1)
    isUp = true
    await api.queue.retryJob(id)
    await api.run({ work })
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: 1 })
  })

  it('give back what they returned: rich values as they were, instances of other classes as JSON has them', async () => {
    const value = {
      at: new Date('2026-01-02T03:04:05.678Z'),
      names: new Set(['a']),
      sizes: new Map([['a', 12n]]),
      bytes: new Uint8Array([0, 255]),
      nothing: undefined,
      list: [1, undefined, null],
    }
    const seen: unknown[] = []
    const id = await add()
    await finish(id, async (_payload, _signal, ctx) => {
      seen.push(await ctx.run('rich', () => value))
      seen.push(await ctx.run('point', () => ({ point: new Point(3) })))
      seen.push(await ctx.run('nothing', () => undefined))
      if (ctx.attempt === 1) throw new Error('again')
    })
    expect(seen).toEqual([value, { point: { x: 3 } }, undefined, value, { point: { x: 3 } }, undefined])
    expect((seen[1] as { point: object }).point).not.toBeInstanceOf(Point)
  })

  it.each([
    ['a function', () => () => 1],
    [
      'a circle',
      () => {
        const circle: { self?: unknown } = {}
        circle.self = circle
        return circle
      },
    ],
    ['more than `maxPayloadBytes`', () => 'x'.repeat(2_000_000)],
  ])('refuse %s as a result, with STEP_RESULT_INVALID, and are not retried for it', async (_name, make) => {
    const seen: unknown[] = []
    let calls = 0
    const id = await add()
    await api.run({
      work: async (_payload, _signal, ctx) => {
        const step = (): unknown => {
          calls++
          return make()
        }
        await ctx.run('bad', step, { retry: { attempts: 3, delayMs: 0 } }).catch((error: unknown) => seen.push(error))
      },
    })
    expect(seen.map(codeOf)).toEqual(['STEP_RESULT_INVALID'])
    expect(calls).toBe(1)
    expect(await api.job(id)).toMatchObject({ status: 'completed' })
  })

  it('may run side by side, and within each other', async () => {
    const id = await add()
    const calls: string[] = []
    await finish(id, async (_payload, _signal, ctx) => {
      const both = await Promise.all([
        ctx.run('a', async () => {
          calls.push('a')
          return ctx.run('inner', () => calls.push('inner'))
        }),
        ctx.run('b', () => calls.push('b')),
      ])
      if (ctx.attempt === 1) throw new Error('again')
      return both
    })
    expect(calls.toSorted()).toEqual(['a', 'b', 'inner'])
    expect((await api.job(id)).attempts).toBe(2)
  })

  it('of one name twice in an attempt are refused with STEP_DUPLICATE', async () => {
    const seen: unknown[] = []
    await add()
    await api.run({
      work: async (_payload, _signal, ctx) => {
        await ctx.run('same', () => 1)
        await ctx.run('same', () => 2).catch((error: unknown) => seen.push(error))
      },
    })
    expect(seen).toMatchObject([{ code: 'STEP_DUPLICATE', message: expect.stringContaining('"same"') }])
  })

  it.each([
    ['an empty name', (ctx) => ctx.run('', () => 1)],
    ['a name of 256 characters', (ctx) => ctx.run('x'.repeat(256), () => 1)],
    ['something that is no function', (ctx) => ctx.run('a', 5 as never)],
    ['an unknown option', (ctx) => ctx.run('a', () => 1, { attempts: 3 } as never)],
    ['an unknown retry option', (ctx) => ctx.run('a', () => 1, { retry: { times: 3 } as never })],
    ['no attempts', (ctx) => ctx.run('a', () => 1, { retry: { attempts: 0 } })],
    ['a negative delay', (ctx) => ctx.run('a', () => 1, { retry: { delayMs: -1 } })],
    ['a longest delay of more than an hour', (ctx) => ctx.run('a', () => 1, { retry: { maxDelayMs: 3_600_001 } })],
    ['a backoff that is no boolean', (ctx) => ctx.run('a', () => 1, { retry: { backoff: 'yes' as never } })],
    ['a time limit of 0', (ctx) => ctx.run('a', () => 1, { timeoutMs: 0 })],
    ['a transaction with an unknown option', (ctx) => ctx.transaction(async () => 1, { timeout: 5 } as never)],
    ['a transaction without a limit', (ctx) => ctx.transaction(async () => 1, { timeoutMs: Infinity })],
    ['a transaction without a function', (ctx) => ctx.transaction('commit' as never)],
  ] satisfies [string, (ctx: Parameters<JobHandler>[2]) => Promise<unknown>][])(
    'refuse %s with OPTION_INVALID',
    async (_what, call) => {
      const seen: unknown[] = []
      const id = await add()
      await api.run({ work: (_payload, _signal, ctx) => call(ctx).catch((error: unknown) => void seen.push(error)) })
      expect(seen.map(codeOf)).toEqual(['OPTION_INVALID'])
      expect(await api.queue.getJobSteps(id)).toEqual([])
    },
  )

  describe('retry and time limit', () => {
    const failing = async (options: object, failures: number): Promise<{ tries: number[]; delays: number[] }> => {
      const tries: number[] = []
      const at: number[] = []
      const id = await add({ maxAttempts: 1 })
      await api.run(
        {
          work: (_payload, _signal, ctx) =>
            ctx.run(
              'flaky',
              ({ tryNumber }) => {
                tries.push(tryNumber)
                at.push(performance.now())
                if (tryNumber <= failures) throw new Error('no')
              },
              options,
            ),
        },
        { onError },
      )
      expect((await api.job(id)).attempts).toBe(1)
      return { tries, delays: at.slice(1).map((time, n) => time - (at[n] ?? 0)) }
    }

    it('by default there is one try', async () => {
      expect((await failing({}, 5)).tries).toEqual([1])
    })

    it('`attempts` counts all tries, and defaults to 3', async () => {
      expect((await failing({ retry: { delayMs: 0 } }, 5)).tries).toEqual([1, 2, 3])
      expect((await failing({ retry: { delayMs: 0, attempts: 5 } }, 3)).tries).toEqual([1, 2, 3, 4])
    })

    it('the delay doubles up to `maxDelayMs`, and stays the same without `backoff`', async () => {
      const doubled = await failing({ retry: { attempts: 4, delayMs: 40, maxDelayMs: 100 } }, 3)
      for (const [n, least] of [40, 80, 100].entries()) expect(doubled.delays[n]).toBeGreaterThanOrEqual(least - 2)
      const same = await failing({ retry: { attempts: 6, delayMs: 20, backoff: false } }, 5)
      // Doubling, it would be 620 ms.
      expect(same.delays.reduce((sum, delay) => sum + delay, 0)).toBeLessThan(500)
      expect(Math.min(...same.delays)).toBeGreaterThanOrEqual(18)
    })

    it.each([
      ['fatal', fatal('never'), { status: 'failed', nextAttemptAt: null, attempts: 1 }],
      ['snooze', snooze(60_000), { status: 'pending', attempts: 0 }],
    ])('%s is not retried, and goes through to the job', async (_name, verdict, expected) => {
      let calls = 0
      const id = await add()
      const step = (): never => {
        calls++
        throw verdict
      }
      await api.run(
        { work: (_payload, _signal, ctx) => ctx.run('a', step, { retry: { attempts: 5, delayMs: 0 } }) },
        { onError },
      )
      expect(calls).toBe(1)
      expect(await api.job(id)).toMatchObject(expected)
    })

    it('a try that takes longer than `timeoutMs` rejects with STEP_TIMEOUT, its signal fires, and the next one begins', async () => {
      const contexts: StepContext[] = []
      const reasons: unknown[] = []
      const id = await add()
      await api.run({
        work: (_payload, _signal, ctx) =>
          ctx.run(
            'slow',
            (step) => {
              contexts.push(step)
              if (step.tryNumber > 1) return 'in time'
              return new Promise((resolve) => {
                step.signal.addEventListener('abort', () => {
                  reasons.push(step.signal.reason)
                  resolve('too late')
                })
              })
            },
            { timeoutMs: 30, retry: { attempts: 2, delayMs: 0 } },
          ),
      })
      expect(reasons.map(codeOf)).toEqual(['STEP_TIMEOUT'])
      expect(contexts.map((step) => [step.tryNumber, step.signal.aborted])).toEqual([
        [1, true],
        [2, false],
      ])
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'in time' })
      const [step] = await api.queue.getJobSteps(id)
      expect(step).toMatchObject({ tries: 2, error: { code: 'STEP_TIMEOUT' } })
    })

    it('the signal of a step fires with that of the attempt', async () => {
      const id = await add({ timeoutMs: 50, maxAttempts: 1 })
      const reasons: unknown[] = []
      await api.run(
        {
          work: (_payload, signal, ctx) =>
            ctx.run('slow', (step) => {
              return new Promise((_resolve, reject) => {
                step.signal.addEventListener('abort', () => {
                  reasons.push(step.signal.reason)
                  expect(step.signal.reason).toBe(signal.reason)
                  reject(new Error('stopped'))
                })
              })
            }),
        },
        { onError },
      )
      expect(reasons.map(codeOf)).toEqual(['JOB_TIMEOUT'])
      expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'timeout' })
    })
  })
})

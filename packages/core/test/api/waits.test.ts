import { describe, expect, it } from 'vitest'
import { isMillraceError, type JobContext, type JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 14: `ctx.waitFor` and `ctx.waitUntil` as documented, and what goes beyond: names, signals, events.

describe.skipIf(!hasServer)('waits', () => {
  const api = useApi('api_waits')
  const onError = (): void => undefined
  const codeOf = (error: unknown): string => (isMillraceError(error) ? error.code : String(error))
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload: null, retryDelay: 0, ...options })
  /** As if so much time had passed: what is due by then is over. */
  const pass = async (interval: string): Promise<void> => {
    await api.sql('update :schema.jobs set due_at = due_at - $1::interval, wait_until = wait_until - $1::interval', [
      interval,
    ])
    await api.sql("update :schema.job_steps set wait_until = wait_until - $1::interval where status = 'p'", [interval])
  }
  const ends = (work: JobHandler): Promise<number> => api.run({ work }, { onError })

  describe('for a time', () => {
    it.each([
      [{ seconds: 90 }, 90],
      [{ minutes: 2, seconds: 1 }, 121],
      [{ hours: 1 }, 3600],
      [{ days: 1, hours: 2 }, 93_600],
      [{ weeks: 1 }, 604_800],
      [{ months: 1 }, 30 * 86_400],
      [{ years: 1 }, 365 * 86_400],
      [{ seconds: 0.5, minutes: 1 }, 60.5],
    ])(
      '%j is %d seconds by the clock of the database, and the job is `waiting` meanwhile',
      async (duration, seconds) => {
        const id = await add()
        expect(await ends(async (_payload, _signal, ctx) => ctx.waitFor(duration))).toBe(1)
        const job = await api.job(id)
        expect(job).toMatchObject({ status: 'waiting', attempts: 0, waitTokenId: null, lockedBy: null, lockedAt: null })
        const [row] = await api.sql(
          'select extract(epoch from j.wait_until - s.started_at)::float8 as seconds from :schema.jobs j join :schema.job_steps s on s.job_id = j.id',
        )
        expect(row?.['seconds']).toBeCloseTo(seconds, 3)
        expect(job.waitUntil).toBeInstanceOf(Date)
      },
    )

    it('`waitUntil` waits until the date', async () => {
      const date = new Date(Date.now() + 3_600_000)
      const id = await add()
      await ends(async (_payload, _signal, ctx) => ctx.waitUntil(date))
      expect(await api.job(id)).toMatchObject({ status: 'waiting', waitUntil: date })
      expect(await api.history(id)).toEqual(['added', 'processing', 'waiting'])
      const { metadata } = (await api.queue.getJobEvents(id)).at(-1) ?? {}
      expect(metadata).toMatchObject({ waitUntil: date.toISOString() })
    })

    it('a date in the past, and a time that is over, let the handler go straight on', async () => {
      const id = await add()
      await ends(async (_payload, _signal, ctx) => {
        await ctx.waitUntil(new Date(0))
        return 'done'
      })
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'done' })
      expect(await api.history(id)).not.toContain('waiting')
    })

    it('the job is not run before, and then from the top, as the same attempt, with its steps remembered', async () => {
      const id = await add({ maxAttempts: 1 })
      const calls: string[] = []
      const attempts: number[] = []
      const work: JobHandler = async (_payload, _signal, ctx) => {
        attempts.push(ctx.attempt)
        await ctx.run('before', () => calls.push('before'))
        await ctx.waitFor({ hours: 1 })
        await ctx.run('between', () => calls.push('between'))
        await ctx.waitFor({ days: 1 })
        calls.push('after')
      }
      expect(await ends(work)).toBe(1)
      await pass('59 minutes')
      expect(await ends(work)).toBe(0)
      await pass('2 minutes')
      expect(await ends(work)).toBe(1)
      expect((await api.job(id)).status).toBe('waiting')
      await pass('25 hours')
      await ends(work)
      expect(calls).toEqual(['before', 'between', 'after'])
      expect(attempts).toEqual([1, 1, 1])
      expect(await api.job(id)).toMatchObject({ status: 'completed', attempts: 1, waitUntil: null })
    })

    it('emits `job:waiting`, and `stepData` shows the wait under its position', async () => {
      const heard: unknown[] = []
      api.queue.on('job:waiting', (event) => void heard.push(event))
      const id = await add()
      await ends(async (_payload, _signal, ctx) => ctx.waitFor({ hours: 1 }))
      expect(heard).toEqual([{ jobId: id, jobType: 'work' }])
      expect((await api.job(id)).stepData).toEqual({ __wait_0: { type: 'duration', completed: false } })
      expect(await api.queue.getJobSteps(id)).toMatchObject([
        { name: '0', kind: 'time', status: 'pending', endedAt: null, durationMs: null, waitUntil: expect.any(Date) },
      ])
    })

    it('progress and output that were set before the wait stay', async () => {
      const id = await add()
      const work: JobHandler = async (_payload, _signal, ctx) => {
        await ctx.run('set', async () => {
          await ctx.setProgress(40)
          await ctx.setOutput('half')
        })
        await ctx.waitFor({ hours: 1 })
      }
      await ends(work)
      expect(await api.job(id)).toMatchObject({ status: 'waiting', progress: 40, output: 'half' })
      await pass('2 hours')
      await ends(work)
      expect(await api.job(id)).toMatchObject({ status: 'completed', progress: 40, output: 'half' })
    })
  })

  it('holds no place in its group, and no slot', async () => {
    const first = await add({ group: { id: 'g' } })
    const second = await add({ group: { id: 'g' } })
    const work: JobHandler = async (_payload, _signal, ctx) => {
      if (ctx.jobId === first) await ctx.waitFor({ hours: 1 })
    }
    await api.run({ work }, { groupConcurrency: 1, concurrency: 1 })
    await api.run({ work }, { groupConcurrency: 1, concurrency: 1 })
    expect([(await api.job(first)).status, (await api.job(second)).status]).toEqual(['waiting', 'completed'])
  })

  it('is left alone by `editJob`, `retryJob` and `cancelAllUpcomingJobs`, and ended by `cancelJob`', async () => {
    const id = await add()
    await ends(async (_payload, _signal, ctx) => ctx.waitFor({ hours: 1 }))
    await api.queue.editJob(id, { priority: 5 })
    await api.queue.retryJob(id)
    expect(await api.queue.cancelAllUpcomingJobs()).toBe(0)
    expect(await api.job(id)).toMatchObject({ status: 'waiting', priority: 0 })
    await api.queue.cancelJob(id)
    expect(await api.job(id)).toMatchObject({ status: 'cancelled', waitUntil: null })
  })

  it('ends the handler: its signal fires with JOB_WAITING, and neither `catch` nor `finally` runs', async () => {
    await add()
    const seen: string[] = []
    await ends(async (_payload, signal, ctx) => {
      signal.addEventListener('abort', () => seen.push(codeOf(signal.reason)))
      try {
        await ctx.waitFor({ hours: 1 })
        seen.push('after')
      } catch {
        seen.push('catch')
      } finally {
        seen.push('finally')
      }
    })
    expect(seen).toEqual(['JOB_WAITING'])
  })

  it('`timeoutMs` holds for each run of the handler, not for the wait', async () => {
    const id = await add({ timeoutMs: 2000 })
    const work: JobHandler = async (_payload, _signal, ctx) => ctx.waitFor({ hours: 1 })
    await ends(work)
    await pass('2 hours')
    await ends(work)
    expect(await api.job(id)).toMatchObject({ status: 'completed', errorHistory: [] })
  })

  it.each([
    ['no fields', (ctx) => ctx.waitFor({})],
    ['0 seconds', (ctx) => ctx.waitFor({ seconds: 0 })],
    ['a negative sum', (ctx) => ctx.waitFor({ hours: -1 })],
    ['an unknown field', (ctx) => ctx.waitFor({ fortnights: 1 } as never)],
    ['a field that is no number', (ctx) => ctx.waitFor({ seconds: '5' as never })],
    ['no date', (ctx) => ctx.waitUntil('tomorrow' as never)],
    ['an invalid date', (ctx) => ctx.waitUntil(new Date(Number.NaN))],
    ['an empty name', (ctx) => ctx.waitFor({ seconds: 1 }, { name: '' })],
    ['an unknown option', (ctx) => ctx.waitFor({ seconds: 1 }, { label: 'a' } as never)],
    ['a limit that is none', (ctx) => ctx.waitForSignal('a', { timeout: 'soon' })],
    ['an empty signal', (ctx) => ctx.waitForSignal('')],
    ['an empty event', (ctx) => ctx.waitForEvent('')],
    ['no token', (ctx) => ctx.waitForToken(undefined as never)],
  ] satisfies [string, (ctx: JobContext) => Promise<unknown>][])('%s is refused', async (_what, call) => {
    const id = await add()
    const seen: unknown[] = []
    await ends((_payload, _signal, ctx) => call(ctx).catch((error: unknown) => void seen.push(error)))
    expect(seen).toHaveLength(1)
    expect(codeOf(seen[0])).toMatch(/^OPTION_INVALID$/)
    expect((await api.job(id)).status).toBe('completed')
  })

  it('a duration that is not positive is refused in the documented words', async () => {
    const id = await add({ maxAttempts: 1 })
    await ends(async (_payload, _signal, ctx) => ctx.waitFor({ seconds: 0 }))
    expect((await api.job(id)).errorHistory[0]?.message).toContain('waitFor duration must be positive')
  })

  describe('names and changed handlers', () => {
    it('a wait with a name keeps it, wherever the handler comes to it', async () => {
      const id = await add()
      await ends(async (_payload, _signal, ctx) => ctx.waitFor({ hours: 1 }, { name: 'pause' }))
      expect((await api.job(id)).stepData).toEqual({ __wait_pause: { type: 'duration', completed: false } })
      await pass('2 hours')
      // A deploy has put another wait before it.
      await ends(async (_payload, _signal, ctx) => {
        await ctx.waitUntil(new Date(0), { name: 'new' })
        await ctx.waitFor({ hours: 1 }, { name: 'pause' })
        return 'over'
      })
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'over' })
    })

    it('another kind of wait at a position is WORKFLOW_CHANGED, and names both', async () => {
      const id = await add({ maxAttempts: 1 })
      await ends(async (_payload, _signal, ctx) => ctx.waitFor({ hours: 1 }))
      await pass('2 hours')
      await ends(async (_payload, _signal, ctx) => ctx.waitForSignal('go'))
      const { errorHistory, status } = await api.job(id)
      expect(status).toBe('failed')
      expect(errorHistory[0]).toMatchObject({ code: 'WORKFLOW_CHANGED' })
      expect(errorHistory[0]?.message).toMatch(/Wait 0 .*a time.*the signal go/)
    })

    it('one name twice is STEP_DUPLICATE', async () => {
      const id = await add({ maxAttempts: 1 })
      await ends(async (_payload, _signal, ctx) => {
        await ctx.waitUntil(new Date(0), { name: 'a' })
        await ctx.waitUntil(new Date(0), { name: 'a' })
      })
      expect((await api.job(id)).errorHistory[0]).toMatchObject({ code: 'STEP_DUPLICATE' })
    })
  })

  describe('side by side', () => {
    it('`Promise.all` goes on when all are over, and each wait for as long as it says', async () => {
      const id = await add()
      const runs: string[] = []
      const work: JobHandler = async (_payload, _signal, ctx) => {
        const wait = async (name: string, hours: number): Promise<void> => {
          await ctx.waitFor({ hours }, { name })
          runs.push(name)
        }
        await Promise.all([wait('short', 1), wait('long', 5)])
        return 'both'
      }
      await ends(work)
      await pass('2 hours')
      await ends(work)
      expect((await api.job(id)).status).toBe('waiting')
      await pass('2 hours')
      expect(await ends(work)).toBe(0)
      await pass('2 hours')
      await ends(work)
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'both', attempts: 1 })
      expect(runs).toEqual(['short', 'short', 'long'])
    })

    it('`Promise.race` has the same winner in every run', async () => {
      const id = await add()
      const winners: unknown[] = []
      const work: JobHandler = async (_payload, _signal, ctx) => {
        const winner = await Promise.race([
          ctx.waitForSignal('paid').then(() => 'paid'),
          ctx.waitFor({ hours: 1 }).then(() => 'late'),
        ])
        winners.push(winner)
        await ctx.waitFor({ hours: 1 })
        return winner
      }
      await ends(work)
      await pass('61 minutes')
      await ends(work)
      // The loser is over as well by the next run.
      await api.queue.signalJob(id, 'paid')
      await pass('61 minutes')
      await ends(work)
      expect(winners).toEqual(['late', 'late'])
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'late' })
    })

    it('a step that runs beside a wait is finished and stored first', async () => {
      const id = await add()
      let calls = 0
      const work: JobHandler = async (_payload, _signal, ctx) => {
        await Promise.all([
          ctx.waitFor({ hours: 1 }),
          ctx.run('slow', async () => {
            await new Promise((resolve) => {
              setTimeout(resolve, 80)
            })
            return ++calls
          }),
        ])
      }
      await ends(work)
      expect((await api.job(id)).stepData).toMatchObject({ slow: { __completed: true, result: 1 } })
      await pass('2 hours')
      await ends(work)
      expect(await api.job(id)).toMatchObject({ status: 'completed' })
      expect(calls).toBe(1)
    })

    it('a wait within a step is counted there, and the step runs again from its top', async () => {
      const id = await add()
      const calls: string[] = []
      const work: JobHandler = (_payload, _signal, ctx) =>
        ctx.run('outer', async () => {
          await ctx.run('inner', () => calls.push('inner'))
          await ctx.waitFor({ hours: 1 })
          return 'done'
        })
      await ends(work)
      expect((await api.queue.getJobSteps(id)).map(({ name, status }) => [name, status])).toEqual([
        ['inner', 'done'],
        ['outer/0', 'pending'],
      ])
      await pass('2 hours')
      await ends(work)
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'done' })
      expect(calls).toEqual(['inner'])
    })
  })
})

import { describe, expect, it } from 'vitest'
import { batchDepRef, isMillraceError, type JobContext, type JobHandler, snooze } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(!hasServer)('jobs that a handler adds', () => {
  const api = useApi('api_children')

  const work = (handler: (ctx: JobContext) => unknown): Readonly<Record<string, JobHandler>> => ({
    work: (_payload, _signal, ctx) => handler(ctx),
  })

  /** Ids of everything that handlers have added, oldest first. */
  async function children(): Promise<number[]> {
    const jobs = await api.queue.getJobs({ jobType: 'child' })
    return jobs.map(({ id }) => id).toSorted((a, b) => a - b)
  }

  const child = (n: number): { jobType: string; payload: unknown } => ({ jobType: 'child', payload: { n } })

  it('appear when the attempt has completed, not before, and in order', async () => {
    let before: number[] | undefined
    await api.queue.addJob({ jobType: 'work', payload: null, tenantId: 'acme' })
    await api.run(
      work(async (ctx) => {
        expect(await ctx.addJob(child(1))).toEqual({ position: 0 })
        expect(await ctx.addJobs([child(2), child(3)])).toEqual([{ position: 1 }, { position: 2 }])
        before = await children()
      }),
    )
    expect(before).toEqual([])
    const added = await Promise.all((await children()).map((id) => api.job(id)))
    expect(added.map(({ payload, tenantId }) => [payload, tenantId])).toEqual([1, 2, 3].map((n) => [{ n }, 'acme']))
  })

  it.each(['throws', 'snoozes', 'waits'])(
    'of an attempt that %s are discarded, and collected again by the next',
    async (how) => {
      await api.queue.addJob({ jobType: 'work', payload: null, retryDelay: 0 })
      let runs = 0
      const handler = work(async (ctx) => {
        await ctx.addJob(child(++runs))
        if (how === 'waits') await ctx.waitFor({ seconds: 0.05 })
        if (runs > 1) return
        if (how === 'throws') throw new Error('no')
        return snooze(10)
      })
      await expect
        .poll(async () => {
          await api.run(handler)
          return (await children()).length
        })
        .toBe(1)
      expect(runs).toBe(2)
      expect((await api.job((await children())[0] ?? 0)).payload).toEqual({ n: 2 })
    },
  )

  it('depend on each other, by what was answered and by place in the call', async () => {
    const id = await api.queue.addJob({ jobType: 'work', payload: null })
    await api.run(
      work(async (ctx) => {
        const first = await ctx.addJob({ ...child(1), dependsOn: { jobIds: [ctx.jobId] } })
        await ctx.addJobs([
          { ...child(2), dependsOn: { children: [first] } },
          { ...child(3), dependsOn: { jobIds: [batchDepRef(0)], children: [first] } },
        ])
      }),
    )
    const [first, second, third] = await children()
    const waiting = async (of: number | undefined): Promise<unknown> => (await api.job(of ?? 0)).dependsOnJobIds
    expect([await waiting(first), await waiting(second), await waiting(third)]).toEqual([
      [id],
      [first],
      [second, first],
    ])
    const order: unknown[] = []
    while ((await api.run({ child: (payload) => void order.push(Reflect.get(Object(payload), 'n')) })) > 0);
    expect(order).toEqual([1, 2, 3])
  })

  it('with `now` are there at once with their ids, and not added again by later runs of the handler', async () => {
    const id = await api.queue.addJob({ jobType: 'work', payload: null, retryDelay: 0 })
    const ids: unknown[] = []
    const now = { when: 'now' } as const
    const handler = work(async (ctx) => {
      const added = [await ctx.addJob(child(1), now), await ctx.addJob(child(2), { ...now, name: 'second' })]
      added.push(...(await ctx.addJobs([child(3), child(4)], now)))
      await ctx.run('step', async () => added.push(await ctx.addJob(child(5), now)))
      added.push(await ctx.addJob(child(6), now))
      ids.push(added)
      expect(await children()).toHaveLength(6)
      if (ctx.attempt === 1) throw new Error('again')
    })
    await expect
      .poll(async () => {
        await api.run(handler)
        return (await api.job(id)).status
      })
      .toBe('completed')
    // The step is not run again; what it answered is not among the second.
    const all = await children()
    expect(ids).toEqual([all, all.toSpliced(4, 1)])
    const keys = await Promise.all(all.map(async (of) => (await api.job(of)).idempotencyKey))
    expect(keys).toEqual(['#0', 'second', '#1', '#2', 'step/#0', '#3'].map((key) => `child:${id}:${key}`))
  })

  it('with `now` are not added again when they have been cleaned up since, or no history is kept', async () => {
    const queue = api.open({ keepCompletedJobs: false })
    const id = await queue.addJob({ jobType: 'work', payload: null, retryDelay: 0 })
    const ids: unknown[] = []
    const ran: unknown[] = []
    let steps: unknown
    const now = { when: 'now' } as const
    const parent = work(async (ctx) => {
      const added = [await ctx.addJob(child(1), now), await ctx.addJob(child(2), { ...now, name: 'second' })]
      added.push(...(await ctx.addJobs([child(3), { ...child(4), idempotencyKey: 'own' }], now)))
      ids.push(added)
      await poll(() => ran.length >= 4)
      if (ctx.attempt === 1) throw new Error('again')
      await ctx.waitFor({ seconds: 0.05 })
      steps = (await queue.getJobSteps(id)).map(({ name, kind, result }) => [name, kind, result])
    })
    await using processor = queue.createProcessor(
      { ...parent, child: (payload) => void ran.push(payload) },
      { heartbeat: 'main', pollInterval: 50 },
    )
    processor.startInBackground()
    await poll(() => steps !== undefined)
    expect(ran).toHaveLength(4)
    const [all] = ids
    expect(ids).toEqual([all, all, all])
    const [one, two, ...more] = Array.isArray(all) ? all : []
    expect(steps).toEqual([
      ['child:#0', 'step', [one]],
      ['child:second', 'step', [two]],
      ['child:#1', 'step', more],
      ['0', 'time', null],
    ])
  })

  it('in `ctx.transaction` are committed with it, or forgotten when it is rolled back', async () => {
    await api.queue.addJob({ jobType: 'work', payload: null })
    await api.run(
      work(async (ctx) => {
        await ctx.addJob(child(1))
        await ctx
          .transaction(async () => {
            await ctx.addJob(child(2))
            await ctx.addJob(child(3), { when: 'now' })
            throw new Error('no')
          })
          .catch(() => undefined)
        await ctx.transaction(async () => {
          await ctx.addJob(child(4))
          await ctx.addJob(child(5), { when: 'now' })
        })
      }),
    )
    const payloads = await Promise.all((await children()).map(async (id) => (await api.job(id)).payload))
    expect(new Set(payloads.map((payload) => Reflect.get(Object(payload), 'n')))).toEqual(new Set([1, 4, 5]))
  })

  it('work from a handler in a thread of its own', async () => {
    await api.queue.addJob({ jobType: 'work', payload: null, timeoutMs: 20_000, forceKillOnTimeout: true })
    await api.run({
      work: async (_payload, _signal, ctx) => {
        const first = await ctx.addJob({ jobType: 'child', payload: { n: 1 } })
        await ctx.addJob({ jobType: 'child', payload: { n: 2 }, dependsOn: { children: [first] } })
        return ctx.addJob({ jobType: 'child', payload: { n: 3 } }, { when: 'now' })
      },
    })
    const [now, first, second] = await children()
    expect((await api.job(second ?? 0)).dependsOnJobIds).toEqual([first])
    expect(now).toBeLessThan(first ?? 0)
  })

  it('are refused by name and remedy when they make no sense', async () => {
    const id = await api.queue.addJob({ jobType: 'work', payload: null })
    const refused: unknown[] = []
    const bad = { ...child(1), dependsOn: { children: [{ position: 7 }] } }
    await api.run(
      work(async (ctx) => {
        const calls = [
          ctx.addJob({ ...child(1), maxAttempts: 0 }),
          ctx.addJob(bad),
          ctx.addJob(bad, { when: 'now' }),
          ctx.addJob(child(1), Object({ when: 'later' })),
          ctx.addJob(child(1), Object({ name: 'x' })),
          ctx.run('step', () => ctx.addJob(child(1))),
        ]
        for (const call of calls) refused.push(await call.catch((error: unknown) => error))
        await ctx.addJob(child(1), { when: 'now', name: 'twice' })
        refused.push(await ctx.addJob(child(1), { when: 'now', name: 'twice' }).catch((error: unknown) => error))
      }),
    )
    expect(refused.map((error) => (isMillraceError(error) ? [error.code, error.details.field] : error))).toEqual([
      ['OPTION_INVALID', 'jobs[0].maxAttempts'],
      ['OPTION_INVALID', 'jobs[0].dependsOn.children'],
      ['OPTION_INVALID', 'jobs[0].dependsOn.children'],
      ['OPTION_INVALID', 'when'],
      ['OPTION_INVALID', 'name'],
      ['OPTION_INVALID', 'when'],
      ['STEP_DUPLICATE', 'name'],
    ])
    expect((await api.job(id)).status).toBe('completed')
    expect(await children()).toHaveLength(1)
  })

  it('that wait for a job which does not exist fail the attempt for good, and no other', async () => {
    const [id, other] = await api.queue.addJobs([
      { jobType: 'work', payload: { prerequisite: 999_999_999 } },
      { jobType: 'work', payload: null },
    ])
    const handlers: Parameters<typeof api.run>[0] = {
      work: async (payload, _signal, ctx) => {
        const prerequisite: unknown = Reflect.get(Object(payload), 'prerequisite')
        await ctx.addJob({ ...child(1), dependsOn: { jobIds: [Number(prerequisite ?? id)] } })
      },
    }
    await api.run(handlers, { onError: () => undefined })
    const failed = await api.job(id ?? 0)
    expect(failed).toMatchObject({ status: 'failed', nextAttemptAt: null })
    expect(failed.errorHistory?.at(-1)?.message).toMatch('one or more job ids do not exist (999999999)')
    expect((await api.job(other ?? 0)).status).toBe('completed')
    expect(await children()).toHaveLength(1)
  })
})

import { describe, expect, it } from 'vitest'
import type { JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// Beyond seed 003: what a job can wait for besides times and tokens.

describe.skipIf(!hasServer)('signals and events', () => {
  const api = useApi('api_deliveries')
  const onError = (): void => undefined
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

  describe('for a signal', () => {
    it('one sent before counts, each ends one wait, in order', async () => {
      const id = await add()
      expect(await api.queue.signalJob(id, 'go', { n: 1 })).toBe('changed')
      const work: JobHandler = async (_payload, _signal, ctx) => [
        await ctx.waitForSignal<{ n: number }>('go'),
        await ctx.waitForSignal('go'),
      ]
      await ends(work)
      expect(await api.job(id)).toMatchObject({ status: 'waiting', waitUntil: null, waitTokenId: 'signal:go' })
      await api.queue.signalJob(id, 'other', 'not this')
      expect(await ends(work)).toBe(0)
      expect(await api.queue.signalJob(id, 'go')).toBe('changed')
      await ends(work)
      expect((await api.job(id)).output).toEqual([
        { ok: true, output: { n: 1 } },
        { ok: true, output: null },
      ])
      expect(await api.queue.getJobSteps(id)).toMatchObject([
        { kind: 'signal', awaited: 'go', result: { ok: true, output: { n: 1 } } },
        { kind: 'signal', awaited: 'go' },
      ])
      expect(await api.queue.signalJob(id, 'go')).toBe('unchanged')
      expect(await api.queue.signalJob(id + 99, 'go')).toBe('not_found')
    })

    it('a limited one gives up', async () => {
      const id = await add()
      const work: JobHandler = async (_payload, _signal, ctx) =>
        ctx.waitForSignal('go', { timeout: '1h', name: 'start' })
      await ends(work)
      expect((await api.job(id)).waitUntil).toBeInstanceOf(Date)
      await pass('61 minutes')
      await ends(work)
      expect((await api.job(id)).output).toEqual({ ok: false, error: 'Signal timed out' })
    })

    it('in a transaction of the caller it is sent with the commit', async () => {
      const id = await add()
      const work: JobHandler = async (_payload, _signal, ctx) => ctx.waitForSignal('go')
      await ends(work)
      await api.queue.transaction(async (tx) => {
        await api.queue.signalJob(id, 'go', 1, { db: tx })
        expect((await api.job(id)).status).toBe('waiting')
      })
      expect((await api.job(id)).status).toBe('pending')
      await expect(api.queue.signalJob(id, 'go', 1, { db: {} as never })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      })
    })
  })

  describe('for an event', () => {
    it('reaches every job that waits for it with a filter that its data contains, and nobody later', async () => {
      const handler =
        (filter?: object): JobHandler =>
        async (_payload, _signal, ctx) =>
          ctx.waitForEvent('paid', filter === undefined ? {} : { filter: { ...filter } })
      const work: JobHandler = (payload, signal, ctx) =>
        handler((payload as { filter?: object } | null)?.filter)(payload, signal, ctx)
      const one = await add({ payload: { filter: { order: 1 } } })
      const two = await add({ payload: { filter: { order: 2 } } })
      const any = await add()
      expect(await api.queue.sendEvent('paid', { order: 1 })).toBe(0)
      expect(await ends(work)).toBe(3)
      expect(await api.queue.sendEvent('paid', { order: 1, amount: 5 })).toBe(2)
      expect(await ends(work)).toBe(2)
      expect((await api.job(one)).output).toEqual({ ok: true, output: { order: 1, amount: 5 } })
      expect((await api.job(any)).output).toEqual({ ok: true, output: { order: 1, amount: 5 } })
      expect((await api.job(two)).status).toBe('waiting')
    })

    it('a limited one gives up, and data that is no object reaches those without a filter', async () => {
      const id = await add()
      const other = await add({ payload: 'other' })
      const work: JobHandler = async (payload, _signal, ctx) =>
        ctx.waitForEvent('paid', payload === 'other' ? {} : { timeout: '1h', filter: { a: 1 } })
      await ends(work)
      expect(await api.queue.sendEvent('paid', 'text')).toBe(1)
      await pass('61 minutes')
      await ends(work)
      expect((await api.job(id)).output).toEqual({ ok: false, error: 'Event timed out' })
      expect((await api.job(other)).output).toEqual({ ok: true, output: 'text' })
    })
  })
})

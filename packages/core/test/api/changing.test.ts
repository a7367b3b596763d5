import { describe, expect, it } from 'vitest'
import type { EditJobOptions } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 8: edit, cancel, retry, one by one and in bulk.

describe.skipIf(!hasServer)('changing jobs', () => {
  const api = useApi('api_changing')
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'email', payload: { n: 1 }, ...options })
  const fail = (): never => {
    throw new Error('no luck')
  }

  async function completed(): Promise<number> {
    const id = await add({ jobType: 'done' })
    await api.run({ done: () => undefined }, { jobType: 'done' })
    return id
  }

  async function exhausted(): Promise<number> {
    const id = await add({ jobType: 'broken', maxAttempts: 1 })
    await api.run({ broken: fail }, { jobType: 'broken' })
    return id
  }

  async function betweenAttempts(): Promise<number> {
    const id = await add({ jobType: 'flaky', retryDelay: 3600, retryBackoff: false })
    await api.run({ flaky: fail }, { jobType: 'flaky' })
    return id
  }

  describe('editJob', () => {
    const updates: EditJobOptions = {
      payload: { n: 2 },
      maxAttempts: 9,
      priority: 4,
      runAt: new Date(Date.UTC(2041, 0, 1)),
      timeoutMs: 1234,
      tags: ['x', 'y'],
      retryDelay: 7,
      retryBackoff: false,
      retryDelayMax: 8,
      deadLetterJobType: 'dead',
    }

    it('changes every field that can be changed', async () => {
      const id = await add()
      const before = await api.job(id)
      expect(await api.queue.editJob(id, updates)).toBeUndefined()
      const after = await api.job(id)
      expect(after).toMatchObject({ ...updates, status: 'pending' })
      expect(after.updatedAt.getTime()).toBeGreaterThanOrEqual(before.updatedAt.getTime())
    })

    it('leaves what is not given or undefined', async () => {
      const id = await add({ priority: 3, tags: ['keep'], timeoutMs: 99 })
      await api.queue.editJob(id, { maxAttempts: 5, priority: undefined })
      expect(await api.job(id)).toMatchObject({
        payload: { n: 1 },
        priority: 3,
        tags: ['keep'],
        timeoutMs: 99,
        maxAttempts: 5,
      })
    })

    it('clears with null, and takes runAt null as now', async () => {
      const id = await add({ ...updates })
      await api.queue.editJob(id, {
        runAt: null,
        timeoutMs: null,
        tags: null,
        retryDelay: null,
        retryBackoff: null,
        retryDelayMax: null,
        deadLetterJobType: null,
      })
      const job = await api.job(id)
      expect(job).toMatchObject({
        timeoutMs: null,
        tags: null,
        retryDelay: null,
        retryBackoff: null,
        retryDelayMax: null,
        deadLetterJobType: null,
      })
      expect(job.runAt.getTime()).toBeLessThanOrEqual(Date.now() + 1000)
      expect(await api.run({ email: () => undefined })).toBe(1)
    })

    it('records what was changed', async () => {
      const id = await add()
      await api.queue.editJob(id, { payload: { n: 2 }, priority: 4 })
      const edited = (await api.queue.getJobEvents(id)).find((event) => event.eventType === 'edited')
      expect(edited?.metadata).toEqual({ payload: { n: 2 }, priority: 4 })
    })

    it('does nothing, and records nothing, without a change', async () => {
      const id = await add()
      await api.queue.editJob(id, {})
      await api.queue.editJob(id, { priority: undefined })
      expect(await api.history(id)).toEqual(['added'])
    })

    it('leaves finished and unknown jobs alone, and says so when asked', async () => {
      const id = await completed()
      await api.queue.editJob(id, { priority: 9 })
      expect(await api.job(id)).toMatchObject({ status: 'completed', priority: 0 })
      expect(await api.history(id)).toEqual(['added', 'processing', 'completed'])
      expect(await api.queue.editJob(id, { priority: 9 }, { result: true })).toBe('unchanged')
      expect(await api.queue.editJob(987_654, { priority: 9 }, { result: true })).toBe('not_found')
      expect(await api.queue.editJob(await add(), { priority: 9 }, { result: true })).toBe('changed')
    })

    it('leaves a running job alone', async () => {
      const id = await add()
      await api.run({ email: () => api.queue.editJob(id, { priority: 9 }) })
      expect((await api.job(id)).priority).toBe(0)
    })

    it('changes a job that waits for its next attempt', async () => {
      const id = await betweenAttempts()
      expect(await api.queue.editJob(id, { payload: { n: 3 }, runAt: null }, { result: true })).toBe('changed')
      const seen: unknown[] = []
      await api.run({ flaky: (payload) => void seen.push(payload) })
      expect(seen).toEqual([{ n: 3 }])
    })

    it.each(['forceKillOnTimeout', 'group', 'dependsOn', 'idempotencyKey', 'jobType'])(
      'refuses %s, which cannot be edited',
      async (name) => {
        const id = await add()
        await expect(api.queue.editJob(id, { [name]: 'x' })).rejects.toMatchObject({ details: { field: name } })
      },
    )
  })

  describe('editAllPendingJobs', () => {
    it('changes what matches, answers how many, and records each', async () => {
      const urgent = await add({ tags: ['urgent'] })
      const other = await add()
      expect(await api.queue.editAllPendingJobs({ tags: { values: ['urgent'] } }, { priority: 7 })).toBe(1)
      expect((await api.job(urgent)).priority).toBe(7)
      expect((await api.job(other)).priority).toBe(0)
      expect(await api.history(urgent)).toEqual(['added', 'edited'])
      expect(await api.history(other)).toEqual(['added'])
    })

    it('means all pending jobs without a filter, and only those', async () => {
      await add()
      await add({ runAt: new Date(Date.now() + 60_000) })
      await completed()
      await betweenAttempts()
      expect(await api.queue.editAllPendingJobs(undefined, { priority: 2 })).toBe(2)
    })

    it('answers 0 without a change', async () => {
      await add()
      expect(await api.queue.editAllPendingJobs({}, {})).toBe(0)
    })
  })

  describe('cancelJob', () => {
    it('cancels a pending job for good', async () => {
      const id = await add()
      expect(await api.queue.cancelJob(id)).toBeUndefined()
      const job = await api.job(id)
      expect(job.status).toBe('cancelled')
      expect(job.lastCancelledAt).toBeInstanceOf(Date)
      expect(await api.history(id)).toEqual(['added', 'cancelled'])
      expect(await api.run({ email: () => undefined })).toBe(0)
    })

    it('cancels a job that waits for its next attempt', async () => {
      const id = await betweenAttempts()
      expect(await api.queue.cancelJob(id, { result: true })).toBe('changed')
      expect((await api.job(id)).status).toBe('cancelled')
    })

    it('stops a running job by its signal', async () => {
      const id = await add()
      await api.run({
        email: async (_payload, signal) => {
          expect(await api.queue.cancelJob(id, { result: true })).toBe('requested')
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve)
          })
          throw signal.reason
        },
      })
      expect(await api.job(id)).toMatchObject({ status: 'cancelled', attempts: 1 })
    })

    it('leaves finished and unknown jobs alone, without a trace', async () => {
      const id = await completed()
      await api.queue.cancelJob(id)
      await api.queue.cancelJob(987_654)
      expect((await api.job(id)).status).toBe('completed')
      expect(await api.history(id)).toEqual(['added', 'processing', 'completed'])
      expect(await api.queue.cancelJob(id, { result: true })).toBe('unchanged')
      expect(await api.queue.cancelJob(987_654, { result: true })).toBe('not_found')
    })
  })

  describe('cancelAllUpcomingJobs', () => {
    it('cancels pending jobs that match, answers how many, and records each', async () => {
      const email = await add()
      const sms = await add({ jobType: 'sms' })
      expect(await api.queue.cancelAllUpcomingJobs({ jobType: 'email' })).toBe(1)
      expect((await api.job(email)).status).toBe('cancelled')
      expect((await api.job(email)).lastCancelledAt).toBeInstanceOf(Date)
      expect(await api.history(email)).toEqual(['added', 'cancelled'])
      expect((await api.job(sms)).status).toBe('pending')
    })

    it('means all pending jobs without a filter, and neither finished nor retrying ones', async () => {
      await add()
      await add({ runAt: new Date(Date.now() + 60_000) })
      const done = await completed()
      const retrying = await betweenAttempts()
      expect(await api.queue.cancelAllUpcomingJobs()).toBe(2)
      expect((await api.job(done)).status).toBe('completed')
      expect((await api.job(retrying)).status).toBe('failed')
    })
  })

  describe('retryJob', () => {
    it('makes a job between attempts pending now, its attempts kept', async () => {
      const id = await betweenAttempts()
      expect(await api.queue.retryJob(id)).toBeUndefined()
      const job = await api.job(id)
      expect(job).toMatchObject({ status: 'pending', attempts: 1, nextAttemptAt: null, lockedAt: null, lockedBy: null })
      expect(job.lastRetriedAt).toBeInstanceOf(Date)
      expect(await api.history(id)).toEqual(['added', 'processing', 'failed', 'retried'])
      expect(await api.run({ flaky: () => undefined })).toBe(1)
    })

    it('revives a job whose attempts are used up: it gets one more', async () => {
      const id = await exhausted()
      await api.queue.retryJob(id)
      expect((await api.job(id)).status).toBe('pending')
      expect(await api.run({ broken: () => 'mended' })).toBe(1)
      expect(await api.job(id)).toMatchObject({ status: 'completed', attempts: 2, output: 'mended' })
    })

    it('takes a running job from its worker, whose result then counts for nothing', async () => {
      const id = await add()
      const first = api.run({
        email: async () => {
          await api.queue.retryJob(id)
          return 'stale'
        },
      })
      await first
      expect(await api.job(id)).toMatchObject({ status: 'pending', output: null })
      await api.run({ email: () => 'fresh' })
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'fresh' })
    })

    it('leaves completed, pending and unknown jobs alone, and says so when asked', async () => {
      const done = await completed()
      expect(await api.queue.retryJob(done, { result: true })).toBe('unchanged')
      expect(await api.queue.retryJob(await add(), { result: true })).toBe('unchanged')
      expect(await api.queue.retryJob(987_654, { result: true })).toBe('not_found')
      expect(await api.history(done)).toEqual(['added', 'processing', 'completed'])
    })

    it('revives a cancelled job', async () => {
      const id = await add()
      await api.queue.cancelJob(id)
      expect(await api.queue.retryJob(id, { result: true })).toBe('changed')
      expect((await api.job(id)).status).toBe('pending')
    })
  })

  it('redrives dead letters by filter, with their attempts counted from the start', async () => {
    const id = await exhausted()
    expect(await api.queue.redrive({ jobType: 'email' })).toEqual([])
    expect(await api.queue.redrive({ jobType: 'broken' })).toEqual([id])
    expect(await api.job(id)).toMatchObject({ status: 'pending', attempts: 0, maxAttempts: 1 })
  })
})

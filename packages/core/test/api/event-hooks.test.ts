import { describe, expect, it, vi } from 'vitest'
import type { QueueEventName } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'
import { poll } from '../support/poll.ts'

// specs/job-queue.md, section 22: what a queue tells its own process.

const NAMES: readonly QueueEventName[] = [
  'job:added',
  'job:processing',
  'job:completed',
  'job:failed',
  'job:cancelled',
  'job:retried',
  'job:progress',
  'job:output',
  'error',
]

describe.skipIf(!hasServer)('event hooks', () => {
  const api = useApi('api_event_hooks')
  const add = (options: object = {}): Promise<number> => api.queue.addJob({ jobType: 'work', payload: {}, ...options })
  const fail = (): never => {
    throw new Error('no luck')
  }

  /** Everything the queue of this test tells, in order. */
  function listen(): [QueueEventName, unknown][] {
    const told: [QueueEventName, unknown][] = []
    for (const name of NAMES) api.queue.on(name, (data) => told.push([name, data]))
    return told
  }

  it('tell the life of a job that completes', async () => {
    const told = listen()
    const jobId = await add()
    await api.run({ work: () => undefined })
    const job = { jobId, jobType: 'work' }
    expect(told).toEqual([
      ['job:added', job],
      ['job:processing', job],
      ['job:completed', job],
    ])
  })

  it('tell every job of a batch once, and no duplicate of a key', async () => {
    const told = listen()
    const jobs = [{ idempotencyKey: 'k' }, {}, { idempotencyKey: 'k' }].map((options) => ({
      jobType: 'work',
      payload: {},
      ...options,
    }))
    const ids = await api.queue.addJobs(jobs)
    await add({ idempotencyKey: 'k' })
    expect(told).toEqual([
      ['job:added', { jobId: ids[0], jobType: 'work' }],
      ['job:added', { jobId: ids[1], jobType: 'work' }],
    ])
  })

  it('say of a failure whether another attempt follows', async () => {
    const willRetry: boolean[] = []
    const messages: string[] = []
    api.queue.on('job:failed', (event) => {
      willRetry.push(event.willRetry)
      messages.push(event.error.message)
    })
    await add({ maxAttempts: 3, retryDelay: 0 })
    for (let n = 0; n < 3; n++) await api.run({ work: fail })
    expect(willRetry).toEqual([true, true, false])
    expect(messages).toEqual(['no luck', 'no luck', 'no luck'])
  })

  it('say so too of a job without a handler', async () => {
    const listener = vi.fn<(data: unknown) => void>()
    api.queue.on('job:failed', listener)
    await add()
    await api.run({})
    expect(listener).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ jobType: 'work', willRetry: true }))
  })

  it('tell cancellations and retries that happened, and only those', async () => {
    const told = listen()
    const jobId = await add()
    await api.queue.cancelJob(jobId)
    await api.queue.cancelJob(jobId)
    await api.queue.cancelJob(987_654)
    await api.queue.retryJob(jobId)
    await api.queue.retryJob(jobId)
    expect(told.slice(1)).toEqual([
      ['job:cancelled', { jobId }],
      ['job:retried', { jobId }],
    ])
  })

  it('tell each job that a bulk call cancelled', async () => {
    const ids = [await add(), await add()]
    const told = listen()
    await api.queue.cancelAllUpcomingJobs()
    expect(told).toEqual(expect.arrayContaining(ids.map((jobId) => ['job:cancelled', { jobId }])))
    expect(told).toHaveLength(2)
  })

  it('tell progress and output', async () => {
    const told = listen()
    const jobId = await add()
    await api.run({
      work: async (_payload, _signal, ctx) => {
        await ctx.setProgress(10)
        await ctx.setOutput('x')
      },
    })
    expect(told).toContainEqual(['job:progress', { jobId, progress: 10 }])
    expect(told).toContainEqual(['job:output', { jobId, output: 'x' }])
  })

  it('tell a job that is completed only once it is stored', async () => {
    const statuses: Promise<unknown>[] = []
    api.queue.on('job:completed', ({ jobId }) => {
      statuses.push(api.job(jobId).then((job) => job.status))
    })
    await add()
    await api.run({ work: () => undefined })
    expect(await Promise.all(statuses)).toEqual(['completed'])
  })

  it('leave a job alone, whatever a listener throws', async () => {
    const errors = vi.fn<(data: unknown) => void>()
    api.queue.on('error', errors)
    for (const name of ['job:added', 'job:processing', 'job:completed'] as const) {
      api.queue.on(name, () => {
        throw new Error(`in ${name}`)
      })
    }
    const jobId = await add()
    await api.run({ work: () => 'fine' })
    expect(await api.job(jobId)).toMatchObject({ status: 'completed', output: 'fine' })
    expect(await api.history(jobId)).toEqual(['added', 'processing', 'completed'])
    expect(errors).toHaveBeenCalledTimes(3)
  })

  it('once tells one event, off and removeAllListeners none', async () => {
    const [once, off, all] = [
      vi.fn<(data: unknown) => void>(),
      vi.fn<(data: unknown) => void>(),
      vi.fn<(data: unknown) => void>(),
    ]
    api.queue.once('job:added', once)
    api.queue.on('job:added', off)
    api.queue.on('job:cancelled', all)
    api.queue.off('job:added', off)
    await add()
    await add()
    expect(once).toHaveBeenCalledOnce()
    expect(off).not.toHaveBeenCalled()
    api.queue.removeAllListeners('job:cancelled')
    await api.queue.cancelAllUpcomingJobs()
    expect(all).not.toHaveBeenCalled()
    const rest = vi.fn<(data: unknown) => void>()
    api.queue.on('job:added', rest)
    api.queue.removeAllListeners()
    await add()
    expect(rest).not.toHaveBeenCalled()
  })

  it('report errors of the database, and nobody has to listen', async () => {
    const queue = api.open({ databaseConfig: { host: '/nowhere', user: 'nobody', database: 'nothing' } })
    const onError = vi.fn<(data: unknown) => void>()
    const silent = queue.createProcessor({ work: () => undefined }, { onError })
    expect(await silent.start()).toBe(0)
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    const listener = vi.fn<(data: unknown) => void>()
    queue.on('error', listener)
    expect(await silent.start()).toBe(0)
    expect(listener).toHaveBeenCalledOnce()
  })

  it('of a background processor reach the same listeners', async () => {
    const told = listen()
    const processor = api.queue.createProcessor({ work: () => undefined }, { pollInterval: 50, heartbeat: 'main' })
    processor.startInBackground()
    const jobId = await add()
    await poll(() => told.some(([name]) => name === 'job:completed'))
    await processor.stopAndDrain()
    expect(told.map(([name]) => name)).toEqual(['job:added', 'job:processing', 'job:completed'])
    expect((await api.job(jobId)).status).toBe('completed')
  })
})

import { describe, expect, it } from 'vitest'
import { JobEventType } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 21: `getJobEvents`.

describe.skipIf(!hasServer)('the history of a job', () => {
  const api = useApi('api_history')
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload: { secret: 1 }, ...options })
  const fail = (): never => {
    throw new Error('no luck')
  }

  it('has a constant for every type that is documented', () => {
    expect(JobEventType).toMatchObject({
      Added: 'added',
      Processing: 'processing',
      Completed: 'completed',
      Failed: 'failed',
      Cancelled: 'cancelled',
      Retried: 'retried',
      Edited: 'edited',
      Prolonged: 'prolonged',
      Waiting: 'waiting',
    })
  })

  it('tells a job that completes from its start to its end', async () => {
    const id = await add({ tags: ['a'], idempotencyKey: 'k' })
    await api.run({ work: () => undefined }, { workerId: 'me' })
    const job = await api.job(id)
    expect(await api.queue.getJobEvents(id)).toEqual([
      {
        id: 1,
        jobId: id,
        eventType: 'added',
        createdAt: job.createdAt,
        metadata: { jobType: 'work', tags: ['a'], idempotencyKey: 'k' },
      },
      { id: 2, jobId: id, eventType: 'processing', createdAt: job.startedAt, metadata: { attempt: 1, workerId: 'me' } },
      {
        id: 3,
        jobId: id,
        eventType: 'completed',
        createdAt: job.completedAt,
        metadata: { attempt: 1, workerId: 'me' },
      },
    ])
  })

  it('tells each attempt that failed, with its error, reason, number and worker', async () => {
    const id = await add({ retryDelay: 0, maxAttempts: 2 })
    await api.run({ work: fail }, { workerId: 'first' })
    await api.run({ work: fail }, { workerId: 'second' })
    const events = await api.queue.getJobEvents(id)
    expect(events.map((event) => event.eventType)).toEqual(['added', 'processing', 'failed', 'processing', 'failed'])
    expect(events[2]?.metadata).toMatchObject({
      message: 'no luck',
      reason: 'handler_error',
      attempt: 1,
      workerId: 'first',
    })
    expect(events[4]?.metadata).toMatchObject({
      message: 'no luck',
      reason: 'handler_error',
      attempt: 2,
      workerId: 'second',
    })
  })

  it('names the dead letter in the failure that led to it', async () => {
    const id = await add({ retryDelay: 0, maxAttempts: 2, deadLetterJobType: 'dead' })
    for (let n = 0; n < 2; n++) await api.run({ work: fail }, { jobType: 'work' })
    const { deadLetterJobId } = await api.job(id)
    const failures = (await api.queue.getJobEvents(id)).filter((event) => event.eventType === 'failed')
    expect(failures.map((event) => event.metadata.deadLetterJobId)).toEqual([undefined, deadLetterJobId])
    expect(deadLetterJobId).toBeGreaterThan(id)
  })

  it('tells what was done to the job from outside, in order', async () => {
    const id = await add()
    await api.queue.editJob(id, { priority: 3 })
    await api.queue.cancelJob(id)
    await api.queue.retryJob(id)
    expect(await api.history(id)).toEqual(['added', 'edited', 'cancelled', 'retried'])
  })

  it('tells that a running attempt asked for more time', async () => {
    const id = await add({ timeoutMs: 1000 })
    await api.run({ work: async (_payload, _signal, ctx) => ctx.prolong(2000) })
    const prolonged = (await api.queue.getJobEvents(id)).find((event) => event.eventType === 'prolonged')
    expect(prolonged?.metadata).toEqual({ prolongedMs: 2000 })
  })

  it('tells that a running job was asked to stop, and stopped', async () => {
    const id = await add()
    await api.run({
      work: async () => {
        await api.queue.cancelJob(id)
        throw new Error('stopped')
      },
    })
    expect(await api.history(id)).toEqual(['added', 'processing', 'cancel_requested', 'cancelled'])
  })

  it('counts ids up from one within the job, oldest first', async () => {
    const id = await add({ retryDelay: 0 })
    await api.run({ work: fail })
    await api.queue.editJob(id, { priority: 1 })
    await api.run({ work: () => undefined })
    const events = await api.queue.getJobEvents(id)
    expect(events.map((event) => event.id)).toEqual(events.map((_, index) => index + 1))
    const times = events.map((event) => event.createdAt.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  it('holds no payload of an added job', async () => {
    const id = await add()
    expect(JSON.stringify(await api.queue.getJobEvents(id))).not.toContain('secret')
  })

  it('keeps the last hundred entries of a job that fails without end, numbered as they were', async () => {
    const id = await add()
    for (let n = 0; n < 105; n++) await api.queue.editJob(id, { priority: n })
    const events = await api.queue.getJobEvents(id)
    expect(events).toHaveLength(101)
    expect([events[0]?.id, events[1]?.id, events.at(-1)?.id]).toEqual([1, 7, 106])
    expect(events.at(-1)?.metadata).toEqual({ priority: 104 })
  })

  it('says of a large payload only that it was changed', async () => {
    const id = await add()
    await api.queue.editJob(id, { payload: 'x'.repeat(5000) })
    expect((await api.queue.getJobEvents(id)).at(-1)?.metadata).toEqual({ payload: 'changed' })
  })
})

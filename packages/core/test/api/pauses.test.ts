import { describe, expect, test, vi } from 'vitest'
import { createGate } from '../../src/testing/gate.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

describe.skipIf(!hasServer)('pausing', () => {
  const api = useApi('api_pauses')

  test('a running processor starts nothing that is paused, finishes what it runs, and wakes when another process resumes', async () => {
    const gate = createGate()
    const queue = api.open({ listen: true })
    const done: number[] = []
    queue.on('job:completed', ({ jobId }) => done.push(jobId))
    const first = await queue.addJob({ jobType: 'mail', payload: {} })
    // Only a wake-up makes it look again within the time of this test.
    const processor = queue.createProcessor(
      { mail: () => gate.promise, other: () => undefined },
      { heartbeat: 'main', pollInterval: 60_000, concurrency: 5 },
    )
    processor.startInBackground()
    await vi.waitFor(async () => expect((await api.job(first)).status).toBe('processing'))

    await api.queue.pause({ jobType: 'mail' })
    const paused = await queue.addJobs([
      { jobType: 'mail', payload: {} },
      { jobType: 'mail', payload: {} },
    ])
    const other = await queue.addJob({ jobType: 'other', payload: {} })
    await vi.waitFor(() => expect(done).toEqual([other]))
    gate.open()
    await vi.waitFor(() => expect(done).toEqual([other, first]))
    for (const id of paused) expect((await api.job(id)).status).toBe('pending')

    expect(await api.queue.resume({ jobType: 'mail' })).toBe(true)
    await vi.waitFor(() => expect(done).toEqual([other, first, ...paused]))
  })

  test('one start runs what lies behind paused jobs', async () => {
    await api.queue.addJobs(Array.from({ length: 50 }, () => ({ jobType: 'mail', payload: {} })))
    const id = await api.queue.addJob({ jobType: 'other', payload: {} })
    await api.queue.pause({ jobType: 'mail' })
    expect(await api.run({ mail: () => undefined, other: () => undefined }, { batchSize: 3 })).toBe(1)
    expect((await api.job(id)).status).toBe('completed')
  })

  test('one start looks past more paused jobs than one claim does', async () => {
    await api.queue.addJobs(Array.from({ length: 11_000 }, () => ({ jobType: 'mail', payload: {} })))
    const id = await api.queue.addJob({ jobType: 'other', payload: {} })
    await api.queue.pause({ jobType: 'mail' })
    expect(await api.run({ mail: () => undefined, other: () => undefined }, { batchSize: 3 })).toBe(1)
    expect((await api.job(id)).status).toBe('completed')
  })

  test('what is paused is listed with who, why and until when', async () => {
    const until = new Date(Date.now() + 3_600_000)
    await api.queue.pause({ queue: 'q', tenantId: 'acme' }, { reason: 'moving', by: 'ann', until })
    await api.queue.pause({})
    expect(await api.queue.getPauses()).toEqual([
      { scope: { queue: 'q', tenantId: 'acme' }, reason: 'moving', by: 'ann', pausedAt: expect.any(Date), until },
      { scope: {}, reason: null, by: null, pausedAt: expect.any(Date), until: null },
    ])
    expect(await api.queue.resume({ queue: 'q' })).toBe(false)
  })

  test.each([
    ['nothing', undefined, undefined, 'scope'],
    ['a misspelt scope', { typ: 'mail' }, undefined, 'typ'],
    ['a type that is no text', { jobType: 1 }, undefined, 'jobType'],
    ['a queue beside a group', { queue: 'q', group: 'g' }, undefined, 'queue'],
    ['an unknown option', {}, { why: 'x' }, 'why'],
    ['a text for a date', {}, { until: 'tomorrow' }, 'until'],
  ])('%s is refused, naming the field', async (_, scope, options, field) => {
    await expect(api.queue.pause(scope as never, options as never)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { field },
    })
  })

  test('an end that has passed is refused', async () => {
    const until = new Date(Date.now() - 60_000)
    await expect(api.queue.pause({}, { until })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { field: 'until', value: until, remedy: expect.stringContaining('Leave it out') },
    })
    expect(await api.queue.getPauses()).toEqual([])
  })
})

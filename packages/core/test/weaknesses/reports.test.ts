import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('weakness 14: reports', () => {
  test('14: willRetry tells the truth about every failure', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const told: [number, boolean][] = []
    queue.on('job:failed', ({ jobId, willRetry }) => told.push([jobId, willRetry]))
    await using processor = queue.createProcessor(
      { work: () => Promise.reject(new Error('no')) },
      { pollInterval: 50, onError: () => undefined },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, maxAttempts: 3, retryDelay: 0 })
    const unknown = await queue.addJob({ jobType: 'unknown', payload: null, maxAttempts: 1 })
    await poll(() => told.length === 4)
    expect(told.filter(([jobId]) => jobId === id).map(([, willRetry]) => willRetry)).toEqual([true, true, false])
    expect(told.find(([jobId]) => jobId === unknown)?.[1]).toBe(false)
    expect(await queue.getJob(id)).toMatchObject({ status: 'failed', nextAttemptAt: null, attempts: 3 })
  })

  test('14: what changed nothing is no event, and says so', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const told: string[] = []
    queue.on('job:cancelled', () => told.push('cancelled'))
    queue.on('job:retried', () => told.push('retried'))
    const processor = queue.createProcessor({ work: () => undefined })
    const id = await queue.addJob({ jobType: 'work', payload: null })
    await processor.start()
    const before = await queue.getJobEvents(id)
    const result = { result: true } as const
    expect(await queue.cancelJob(id, result)).toBe('unchanged')
    expect(await queue.retryJob(id, result)).toBe('unchanged')
    expect(await queue.editJob(id, { priority: 1 }, result)).toBe('unchanged')
    for (const call of [
      queue.cancelJob(999_999, result),
      queue.retryJob(999_999, result),
      queue.editJob(999_999, { priority: 1 }, result),
    ]) {
      expect(await call).toBe('not_found')
    }
    expect(await queue.getJobEvents(id)).toEqual(before)
    expect(told).toEqual([])
  })

  test('14: every job that was added has its added event, and a repeated key adds none', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const told: number[] = []
    queue.on('job:added', ({ jobId }) => told.push(jobId))
    const ids = await Promise.all(
      Array.from({ length: 60 }, (_, n) => queue.addJob({ jobType: 'work', payload: n, idempotencyKey: `k${n % 40}` })),
    )
    expect(told.toSorted((a, b) => a - b)).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
    expect(told).toHaveLength(40)
    for (const id of told.slice(0, 5))
      expect(await queue.getJobEvents(id)).toMatchObject([{ id: 1, eventType: 'added', jobId: id }])
  })

  test('14: a listener that throws or rejects does not change the fate of a job', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const errors: string[] = []
    queue.on('error', (error) => errors.push(error.message))
    for (const name of ['job:added', 'job:processing', 'job:completed'] as const) {
      queue.on(name, () => {
        throw new Error(`thrown for ${name}`)
      })
    }
    queue.on('job:completed', () => Promise.reject(new Error('rejected')))
    const processor = queue.createProcessor({ work: () => 'done' })
    const id = await queue.addJob({ jobType: 'work', payload: null })
    expect(await processor.start()).toBe(1)
    expect(await queue.getJob(id)).toMatchObject({ status: 'completed', attempts: 1, output: 'done' })
    await poll(() => errors.length === 4)
    expect(errors.toSorted()).toEqual([
      'rejected',
      'thrown for job:added',
      'thrown for job:completed',
      'thrown for job:processing',
    ])
  })
})

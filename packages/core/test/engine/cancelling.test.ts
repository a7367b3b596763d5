import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('cancelling', () => {
  test.each([true, false])(
    'a job that runs in another process is told within a second of its cancel (notifications: %s)',
    async (listen) => {
      const lab = await openLab()
      const queue = lab.queue({ listen })
      const worker = await lab.worker({ config: { listen } })
      const id = await queue.addJob({ jobType: 'hang', payload: null })
      await worker.heard('started')
      const askedAt = performance.now()
      expect(await queue.cancelJob(id, { result: true })).toBe('requested')
      const aborted = await worker.heard('aborted')
      expect(aborted).toMatchObject({ jobId: id, code: 'JOB_CANCELLED' })
      // Without notifications the worker looks once a second, and then the message must reach this process.
      expect(aborted.at - askedAt).toBeLessThan(listen ? 1000 : 1500)
      await poll(async () => (await queue.getJob(id))?.status === 'cancelled')
      expect(await queue.cancelJob(id, { result: true })).toBe('unchanged')
      await lab.check()
    },
  )

  test('a retry of a job that runs in another process takes it away, and its attempt hears of it', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const first = await lab.worker({ processor: { concurrency: 1 } })
    const id = await queue.addJob({ jobType: 'stubborn', payload: {} })
    await first.heard('started')
    const second = await lab.worker({ processor: { concurrency: 1 } })
    expect(await queue.retryJob(id, { result: true })).toBe('changed')
    expect(await first.heard('aborted')).toMatchObject({ jobId: id, code: 'LEASE_LOST' })
    await poll(() => [first, second].some(({ messages }) => messages.some(({ attempt }) => attempt === 2)))
    expect(await queue.getJob(id)).toMatchObject({ status: 'processing', attempts: 2 })
  })

  test('of cancels that race with claims, each job either ran or was cancelled, as the answer said', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const ran = new Set<number>()
    await using processor = queue.createProcessor(
      { work: (_payload, _signal, ctx) => void ran.add(ctx.jobId) },
      { concurrency: 4, pollInterval: 50 },
    )
    processor.startInBackground()
    const ids = await queue.addJobs(Array.from({ length: 200 }, () => ({ jobType: 'work', payload: null })))
    const answers = await Promise.all(ids.map((id) => queue.cancelJob(id, { result: true })))
    await poll(async () => {
      const { byStatus } = await queue.getStats()
      return byStatus.completed + byStatus.cancelled === 200
    })
    const ranWhere = (answer: string): boolean[] => ids.filter((_, n) => answers[n] === answer).map((id) => ran.has(id))
    expect(ranWhere('changed').filter((hasRun) => hasRun)).toEqual([])
    expect(ranWhere('unchanged').filter((hasRun) => !hasRun)).toEqual([])
    await lab.check()
  })
})

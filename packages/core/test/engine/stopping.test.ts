import { describe, expect, test } from 'vitest'
import { isMillraceError } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('stopping', () => {
  test('a drain starts nothing more, hands back what is unfinished with its attempt, and lets the process end at once', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const worker = await lab.worker({ processor: { concurrency: 3 } })
    const hanging = await queue.addJobs(
      Array.from({ length: 3 }, () => ({ jobType: 'hang', payload: null, maxAttempts: 1 })),
    )
    await poll(() => worker.messages.filter(({ event }) => event === 'started').length === 3)
    const behind = await queue.addJobs(Array.from({ length: 20 }, () => ({ jobType: 'hang', payload: null })))
    worker.send({ do: 'drain', ms: 300 })
    const drained = await worker.heard('drained')
    expect(await worker.ended).toBe(0)
    expect(performance.now() - drained.at).toBeLessThan(2000)
    const starts = worker.messages.filter(({ event }) => event === 'started')
    expect(starts).toHaveLength(3)
    expect(worker.messages.filter(({ event }) => event === 'aborted').map(({ code }) => code)).toEqual(
      Array(3).fill('SHUTTING_DOWN'),
    )
    for (const id of [...hanging, ...behind]) {
      expect(await queue.getJob(id)).toMatchObject({ status: 'pending', attempts: 0, errorHistory: [] })
    }
    expect(await queue.getWorkers()).toEqual([])
    await lab.check()
  })

  test('a drain waits for handlers that finish in time', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const processor = queue.createProcessor({ work: () => finished })
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null })
    await poll(async () => (await queue.getJob(id))?.status === 'processing')
    const drained = processor.stopAndDrain()
    finish()
    await drained
    expect(await queue.getJob(id)).toMatchObject({ status: 'completed', attempts: 1 })
    expect(processor.isRunning()).toBe(false)
  })

  test('after a drain has resolved no handler starts, whenever it comes in the course of a claim', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let late = 0
    for (let round = 0; round < 30; round++) {
      let isDrained = false
      const processor = queue.createProcessor(
        {
          work: () => {
            if (isDrained) late += 1
          },
        },
        { pollInterval: 50, concurrency: 2 },
      )
      const adds = queue.addJobs(Array.from({ length: 5 }, () => ({ jobType: 'work', payload: round })))
      processor.startInBackground()
      if (round % 3 === 0) await adds
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
      await processor.stopAndDrain()
      isDrained = true
      await adds
    }
    const { byStatus } = await queue.getStats()
    expect([late, byStatus.processing, byStatus.completed + byStatus.pending]).toEqual([0, 0, 150])
    expect((await queue.getJobs({ status: 'pending' }, 1000)).filter(({ attempts }) => attempts > 0)).toEqual([])
    await lab.check()
  })

  test('a closed queue refuses further calls with QUEUE_CLOSED, and closing twice is one close', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.addJob({ jobType: 'work', payload: null })
    await Promise.all([queue.close(), queue.close()])
    for (const call of [
      () => queue.addJob({ jobType: 'work', payload: null }),
      () => queue.getStats(),
      () => queue.ready(),
    ]) {
      const error: unknown = await call().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(isMillraceError(error, 'QUEUE_CLOSED')).toBe(true)
    }
    expect(await poll(async () => (await lab.connections()) === 0)).toBe(true)
  })

  test('`await using` drains a processor and closes a queue at the end of its block', async () => {
    const lab = await openLab()
    const ids: number[] = []
    {
      await using queue = lab.queue()
      await using processor = queue.createProcessor({ work: () => 'done' }, { pollInterval: 50 })
      processor.startInBackground()
      ids.push(await queue.addJob({ jobType: 'work', payload: null }))
      await poll(async () => (await queue.getJob(ids[0] ?? 0))?.status === 'completed')
    }
    // The server notices a closed connection a moment later.
    await poll(async () => (await lab.connections()) === 0)
    expect((await lab.queue().getJob(ids[0] ?? 0))?.output).toBe('done')
  })
})

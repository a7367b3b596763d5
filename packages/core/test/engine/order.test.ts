import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('order', () => {
  test('at concurrency 1 jobs run strictly by priority and then by age, also those added meanwhile', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const order: unknown[] = []
    await queue.addJobs(
      [0, 5, -1, 5, 0, 9, 2, 2, -1, 9, 0, 5].map((priority, n) => ({ jobType: 'work', payload: n, priority })),
    )
    await using processor = queue.createProcessor(
      {
        work: async (payload) => {
          order.push(payload)
          if (payload === 5) await queue.addJob({ jobType: 'work', payload: 'urgent', priority: 100 })
        },
      },
      { concurrency: 1, pollInterval: 100 },
    )
    processor.startInBackground()
    await poll(() => order.length === 13)
    expect(order).toEqual([5, 'urgent', 9, 1, 3, 11, 6, 7, 0, 4, 10, 2, 8])
  })

  test('start() takes one batch in order and resolves with its size', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const order: unknown[] = []
    await queue.addJobs(
      Array.from({ length: 12 }, (_, n) => ({ jobType: 'work', payload: n, priority: n === 11 ? 1 : 0 })),
    )
    const processor = queue.createProcessor(
      { work: (payload) => void order.push(payload) },
      { batchSize: 10, concurrency: 1 },
    )
    expect([await processor.start(), await processor.start(), await processor.start()]).toEqual([10, 2, 0])
    expect(order).toEqual([11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('jobs with one attempt, which are claimed into free slots only, follow on each other without waiting for a sweep', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let done = 0
    let sweeps = 0
    queue.hooks.subscribe((event) => {
      if (event.type === 'claim' && event.sweep) sweeps++
    })
    await using processor = queue.createProcessor({ work: () => void done++ }, { concurrency: 2, pollInterval: 60_000 })
    processor.startInBackground()
    await poll(async () => (await queue.getWorkers()).length === 1)
    const job = { jobType: 'work', payload: null, maxAttempts: 1 }
    await queue.addJobs(Array.from({ length: 600 }, () => job))
    await poll(() => done === 600)
    // A sweep comes once a second. One that finds no more than two jobs would have to come 300 times.
    expect(sweeps).toBeLessThan(60)
  })

  test('a ready job starts within the poll interval although every notification is lost', async () => {
    const lab = await openLab()
    const queue = lab.queue({ listen: false })
    const adder = lab.queue({ listen: false })
    const started = new Map<unknown, number>()
    await using processor = queue.createProcessor(
      { work: (payload) => void started.set(payload, performance.now()) },
      { pollInterval: 300 },
    )
    processor.startInBackground()
    await poll(async () => (await queue.getWorkers()).length === 1)
    for (let n = 0; n < 3; n++) {
      const addedAt = performance.now()
      await adder.addJob({ jobType: 'work', payload: n })
      await poll(() => started.has(n))
      // Ten times the interval, for a machine with much else to do; without polling it would never start.
      expect((started.get(n) ?? 0) - addedAt).toBeLessThan(3000)
    }
  })
})

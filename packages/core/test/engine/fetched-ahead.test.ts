import { describe, expect, test } from 'vitest'
import { createGate } from '../../src/testing/gate.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('jobs fetched ahead', () => {
  test('go to another worker when the handlers before them, measured short, turn out long', async () => {
    const lab = await openLab()
    const ran: string[] = []
    const gate = createGate()
    const work = (worker: string, concurrency: number) => {
      const queue = lab.queue()
      const handlers = {
        quick: () => void ran.push(worker),
        long: () => {
          ran.push('long')
          return gate.promise
        },
      }
      queue.createProcessor(handlers, { concurrency, pollInterval: 500 }).startInBackground()
      return queue
    }
    const busy = work('busy', 2)
    await busy.addJobs(Array.from({ length: 50 }, () => ({ jobType: 'quick', payload: null })))
    await poll(() => ran.length === 50)
    await busy.addJobs(Array.from({ length: 2 }, () => ({ jobType: 'long', payload: null })))
    await poll(() => ran.length === 52)

    const ids = await busy.addJobs(Array.from({ length: 10 }, () => ({ jobType: 'quick', payload: null })))
    // It has taken them, since such jobs used to take no time.
    await poll(async () => (await busy.getJobs({ status: 'processing' })).length === 12)
    work('idle', 2)
    await poll(() => ran.length === 62)
    expect(ran.slice(52)).toEqual(Array.from({ length: 10 }, () => 'idle'))
    // The last of them has run; it may not be recorded yet.
    await poll(async () => (await busy.getJobs({ jobType: 'quick', status: 'completed' }, 100)).length === 60)
    for (const id of ids) expect(await busy.getJob(id)).toMatchObject({ status: 'completed', attempts: 1 })
    gate.open()
    await lab.check()
  })
})

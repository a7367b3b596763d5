import { describe, expect, test } from 'vitest'
import type { JobQueue } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const LEASE_MS = 2000
const PROCESSOR = { leaseMs: LEASE_MS, concurrency: 4 }
/** Rescue is promised within the lease and 2 s; the rest is the machine's. */
const RESCUE_MS = LEASE_MS + 2000 + 1000

async function statusOf(queue: JobQueue, id: number): Promise<string | undefined> {
  return (await queue.getJob(id))?.status
}

describe.skipIf(SERVER_URL === undefined)('lost workers', () => {
  test('after SIGKILL of a worker its jobs start elsewhere within the lease and two seconds', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const victim = await lab.worker({ processor: PROCESSOR })
    const ids = await queue.addJobs(Array.from({ length: 4 }, () => ({ jobType: 'hang', payload: null })))
    const last = await queue.addJob({ jobType: 'hang', payload: null, maxAttempts: 1, priority: -1 })
    await poll(() => victim.messages.filter(({ event }) => event === 'started').length === 4)
    const heir = await lab.worker({ processor: PROCESSOR })
    await poll(() => heir.messages.some(({ jobId }) => jobId === last))
    victim.signal('SIGKILL')
    const killedAt = performance.now()
    heir.send({ do: 'finish' })
    await poll(async () => (await queue.getStats()).byStatus.completed === 5, { within: 15_000 })
    const starts = heir.messages.filter(({ event, jobId }) => event === 'started' && ids.includes(jobId ?? 0))
    expect(starts.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2])
    for (const { at } of starts) expect(at - killedAt).toBeLessThan(RESCUE_MS)
    await lab.check()
  })

  test('a job whose last attempt was killed with its worker ends as a dead letter and never runs again', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const victim = await lab.worker({ processor: PROCESSOR })
    const id = await queue.addJob({ jobType: 'hang', payload: null, maxAttempts: 1, deadLetterJobType: 'quick' })
    await victim.heard('started')
    victim.signal('SIGKILL')
    await lab.worker({ processor: PROCESSOR })
    await poll(async () => (await queue.getJob(id))?.deadLetterJobId)
    const job = await queue.getJob(id)
    expect(job).toMatchObject({ status: 'failed', failureReason: 'worker_lost', attempts: 1, nextAttemptAt: null })
    await poll(async () => (await queue.getJob(job?.deadLetterJobId ?? 0))?.status === 'completed')
    await lab.check()
  })

  test.each(['return', 'throw'])(
    'a zombie is told by its signal, and its late progress, output and %s have no effect',
    async (end) => {
      const lab = await openLab()
      const queue = lab.queue()
      const zombie = await lab.worker({ processor: PROCESSOR })
      const id = await queue.addJob({ jobType: 'stubborn', payload: { end } })
      await zombie.heard('started')
      zombie.signal('SIGSTOP')
      const heir = await lab.worker({ processor: PROCESSOR })
      const second = await heir.heard('started')
      expect(second).toMatchObject({ jobId: id, attempt: 2 })
      zombie.signal('SIGCONT')
      const wokenAt = performance.now()
      const aborted = await zombie.heard('aborted')
      expect(aborted).toMatchObject({ jobId: id, code: 'LEASE_LOST' })
      expect(aborted.at - wokenAt).toBeLessThan(3000)
      zombie.send({ do: 'finish' })
      await poll(() => zombie.messages.filter(({ event }) => event === 'told').length === 2)
      expect(zombie.messages.filter(({ event }) => event === 'told').map(({ what, code }) => [what, code])).toEqual([
        ['progress', 'LEASE_LOST'],
        ['output', 'LEASE_LOST'],
      ])
      // A later job of the zombie's, so that whatever it had to say has been said.
      zombie.send({ do: 'drain', ms: 5000 })
      await zombie.heard('drained')
      expect(await queue.getJob(id)).toMatchObject({
        status: 'processing',
        attempts: 2,
        progress: null,
        output: null,
        errorHistory: [],
      })
      heir.send({ do: 'finish' })
      await poll(async () => (await statusOf(queue, id)) !== 'processing')
      const events = (await queue.getJobEvents(id)).map(({ eventType }) => eventType)
      expect(events.slice(0, 4)).toEqual(['added', 'processing', 'reclaimed', 'processing'])
      await lab.check()
    },
  )

  test('a worker that was frozen past its lease starts nothing that it had fetched before', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const zombie = await lab.worker({ processor: { ...PROCESSOR, concurrency: 2, prefetch: 10 } })
    // The second ends by a timer, which is the first thing that happens when the process goes on.
    const running = [
      { jobType: 'hang', payload: null },
      { jobType: 'pause', payload: { ms: 150 } },
    ]
    const fetched = Array.from({ length: 3 }, () => ({ jobType: 'quick', payload: null }))
    const ids = await queue.addJobs([...running, ...fetched])
    await zombie.heard('started')
    zombie.signal('SIGSTOP')
    const heir = await lab.worker({ processor: PROCESSOR })
    heir.send({ do: 'finish' })
    await poll(async () => (await queue.getStats()).byStatus.completed === 5)
    zombie.signal('SIGCONT')
    zombie.send({ do: 'finish' })
    zombie.send({ do: 'drain', ms: 5000 })
    await zombie.heard('drained')
    const ran = zombie.messages.filter(({ event, outcome }) => event === 'settled' && outcome === 'returned')
    expect(ran.filter(({ jobId }) => ids.indexOf(jobId ?? 0) >= running.length)).toEqual([])
    await lab.check()
  })

  test('a handler that blocks the event loop for longer than the lease keeps it', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const blocked = await lab.worker({ processor: PROCESSOR })
    const id = await queue.addJob({ jobType: 'block', payload: { ms: 3 * LEASE_MS } })
    await blocked.heard('started')
    const other = await lab.worker({ processor: PROCESSOR })
    await blocked.heard('unblocked')
    await poll(async () => (await statusOf(queue, id)) === 'completed')
    expect(await queue.getJob(id)).toMatchObject({ attempts: 1, errorHistory: [] })
    expect(other.messages.filter(({ event }) => event === 'started')).toEqual([])
    await lab.check()
  })

  test('handlers that block one after the other keep the lease beside a job that has used up its time', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    // Longer than a job that ignores its limit and the lease are given, together.
    const blocks = Array.from({ length: 2 }, () => ({ jobType: 'block', payload: { ms: 4200 } }))
    const [limited] = await queue.addJobs([{ jobType: 'hang', payload: null, timeoutMs: 100 }, ...blocks])
    const blocked = await lab.worker({ processor: PROCESSOR })
    const other = await lab.worker({ processor: { ...PROCESSOR, jobType: 'block' } })
    await poll(async () => (await queue.getStats()).byStatus.completed === 2)
    expect(blocked.messages.filter(({ event }) => event === 'lease.lost')).toEqual([])
    expect(other.messages.filter(({ event }) => event === 'started')).toEqual([])
    await poll(async () => (await queue.getJob(limited ?? 0))?.errorHistory.length === 1)
    await lab.check()
  })

  test('a handler that blocks the event loop for good is given up after its time limit and a grace', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await lab.worker({ processor: PROCESSOR }).then(async (blocked) => {
      await queue.addJob({ jobType: 'block', payload: { ms: 60_000 }, timeoutMs: 100 })
      await blocked.heard('started')
    })
    const heir = await lab.worker({ processor: PROCESSOR })
    expect(await heir.heard('started')).toMatchObject({ attempt: 2 })
  })

  test('a worker that was given up for dead goes on working once it can', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const sleeper = await lab.worker({ processor: PROCESSOR })
    sleeper.signal('SIGSTOP')
    const heir = await lab.worker({ processor: PROCESSOR })
    await poll(async () => (await queue.getWorkers()).length === 1)
    sleeper.signal('SIGCONT')
    await poll(async () => (await queue.getWorkers()).length === 2)
    heir.send({ do: 'drain', ms: 1000 })
    await heir.heard('drained')
    const id = await queue.addJob({ jobType: 'quick', payload: null })
    expect(await poll(async () => (await statusOf(queue, id)) === 'completed')).toBe(true)
  })
})

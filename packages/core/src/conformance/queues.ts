import type { ClaimedJob } from '../store/claim.ts'
import { equal } from './assert.ts'
import { type Bench, completed, failed, released, retry, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000

/** Adds `count` jobs of the queue `q`. */
function addQueued(t: Bench, count: number, more: { readonly queueRetries?: 'pass' } = {}): Promise<readonly number[]> {
  return t.addAll(Array.from({ length: count }, () => ({ queue: 'q', ...more })))
}

/** Ways in which the first of a queue makes room for the next. */
const ENDS: Readonly<Record<string, (t: Bench, job: ClaimedJob, worker: number) => Promise<unknown>>> = {
  'its completion': (t, job) => t.settle(completed(job)),
  'its final failure': (t, job) => t.settle(failed(job)),
  'its cancellation while it runs': async (t, job) => {
    await t.store.cancel({ id: job.id })
    await t.settle(retry(job))
  },
  'its cancellation between two attempts': async (t, job) => {
    await t.settle(retry(job, HOUR_MS))
    await t.store.cancel({ id: job.id })
  },
  'an edit that puts it off before it starts': async (t, job) => {
    await t.settle(released(job))
    await t.store.edit({ id: job.id, changes: { runAt: new Date(Date.now() + HOUR_MS) } })
  },
}

export const queueCases: readonly ConformanceCase[] = [
  {
    name: 'the jobs of a queue run one after the other, in the order of their adds, whatever limits workers set',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 5 })
      const ids = await addQueued(t, 4)
      const seen: number[] = []
      for (let at = 0; at < 4; at++) {
        const [job, ...others] = await t.claim(worker)
        equal(others, [])
        if (job === undefined) break
        seen.push(job.id)
        equal(await t.claimIds(worker), [])
        await t.settle(completed(job))
      }
      equal(seen, [...ids])
    },
  },
  {
    name: 'within a queue a higher priority goes first',
    async run(t) {
      const worker = await t.worker()
      const [low, high] = await t.addAll([{ queue: 'q' }, { queue: 'q', priority: 1 }])
      const first = await t.claimOne(worker)
      equal(first.id, high)
      await t.settle(completed(first))
      equal(await t.claimIds(worker), [low])
    },
  },
  {
    name: 'a retry keeps its place: nothing else of the queue starts until it has run again',
    async run(t) {
      const worker = await t.worker()
      const [first, second] = await addQueued(t, 3)
      await t.settle(retry(await t.claimOne(worker), HOUR_MS))
      equal(await t.claimIds(worker), [])
      await t.store.edit({ id: first ?? 0, changes: { runAt: null } })
      const again = await t.claimOne(worker)
      equal([again.id, again.attempt], [first, 2])
      equal(await t.claimIds(worker), [])
      await t.settle(completed(again))
      equal(await t.claimIds(worker), [second])
    },
  },
  {
    name: 'a retry that is due is promoted to the head of its queue',
    async run(t) {
      const worker = await t.worker()
      const [first] = await addQueued(t, 2)
      await t.settle(retry(await t.claimOne(worker)))
      equal((await t.keepHouse(worker)).promoted, 1)
      equal(await t.claimIds(worker), [first])
    },
  },
  {
    name: 'a snoozed job keeps its place as well',
    async run(t) {
      const worker = await t.worker()
      await addQueued(t, 2)
      await t.settle(snoozed(await t.claimOne(worker), HOUR_MS))
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'a retry lets others pass where that was chosen',
    async run(t) {
      const worker = await t.worker()
      const [first, second, third] = await addQueued(t, 3, { queueRetries: 'pass' })
      await t.settle(retry(await t.claimOne(worker)))
      const next = await t.claimOne(worker)
      equal(next.id, second)
      await t.keepHouse(worker)
      equal(await t.claimIds(worker), [])
      await t.settle(completed(next))
      const after = await t.claimOne(worker)
      equal(after.id, third)
      await t.settle(completed(after))
      equal(await t.claimIds(worker), [first])
    },
  },
  ...Object.entries(ENDS).map(([how, end]): ConformanceCase => ({
    name: `the next job of a queue is offered by ${how}`,
    async run(t) {
      const worker = await t.worker()
      const [, second] = await addQueued(t, 3)
      await end(t, await t.claimOne(worker), worker)
      equal(await t.claimIds(worker), [second])
      equal(await t.claimIds(worker), [])
    },
  })),
  {
    name: 'a crash and a retry by hand leave the job at the head of its queue',
    async run(t) {
      const worker = await t.worker()
      const helper = await t.worker()
      const [first] = await addQueued(t, 2)
      await t.claimOne(worker)
      await t.target.expireWorker(worker)
      equal((await t.keepHouse(helper)).rescued, 1)
      const again = await t.claimOne(helper)
      equal(again.id, first)
      await t.settle(retry(again, HOUR_MS))
      await t.store.retry({ id: first ?? 0 })
      equal(await t.claimIds(helper), [first])
      equal(await t.claimIds(helper), [])
    },
  },
  {
    name: 'a busy queue costs the others nothing, and a limit set by a worker leaves queues as they are',
    async run(t) {
      const worker = await t.worker()
      const [first] = await addQueued(t, 3)
      equal(await t.claimIds(worker), [first])
      const other = await t.add({ queue: 'other' })
      const free = await t.add()
      await t.worker({ groupConcurrency: 4 })
      equal(
        (await t.claimIds(worker)).toSorted((a, b) => a - b),
        [other, free],
      )
    },
  },
  {
    name: 'queues of one name in two tenants are two queues, and a group of that name is neither',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll([
        { queue: 'q' },
        { queue: 'q', tenantId: 'a' },
        { queue: 'q', tenantId: 'b' },
        { groupId: 'q' },
      ])
      equal(
        (await t.claimIds(worker)).toSorted((a, b) => a - b),
        [...ids],
      )
      const jobs = await Promise.all(ids.map((id) => t.job(id)))
      equal(
        jobs.map(({ queue, groupId, groupTier, tenantId }) => [queue, groupId, groupTier, tenantId]),
        [
          ['q', null, null, null],
          ['q', null, null, 'a'],
          ['q', null, null, 'b'],
          [null, 'q', null, null],
        ],
      )
    },
  },
  {
    name: 'a queue without jobs is forgotten by the upkeep',
    async run(t) {
      const worker = await t.worker()
      await t.finish(worker, completed, { queue: 'q' })
      await t.claimIds(worker)
      await t.store.upkeep()
      equal(await t.claimIds(worker), [])
      const id = await t.add({ queue: 'q' })
      equal(await t.claimIds(worker), [id])
    },
  },
]

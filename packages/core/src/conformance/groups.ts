import type { ClaimedJob } from '../store/claim.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed, released, retry, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000

/** Adds `count` jobs of one group. */
function addGroup(t: Bench, count: number, groupId = 'g'): Promise<readonly number[]> {
  return t.addAll(Array.from({ length: count }, () => ({ groupId })))
}

/** Ways in which the one running job of a group ends or stops running. */
const ENDS: Readonly<Record<string, (t: Bench, job: ClaimedJob, worker: number) => Promise<unknown>>> = {
  'its completion': (t, job) => t.settle(completed(job)),
  'its completion with an output': (t, job) => t.settle(completed(job, '1')),
  'its final failure': (t, job) => t.settle(failed(job)),
  'its retry': (t, job) => t.settle(retry(job, HOUR_MS)),
  'its snooze': (t, job) => t.settle(snoozed(job, HOUR_MS)),
  'its cancellation': async (t, job) => {
    await t.store.cancel({ id: job.id })
    await t.settle(retry(job))
  },
  'the crash of its last attempt': async (t, _job, worker) => {
    await t.target.expireWorker(worker)
    await t.keepHouse(await t.worker({ groupConcurrency: 1 }))
  },
}

export const groupCases: readonly ConformanceCase[] = [
  {
    name: 'without a limit every job of a group can run at once',
    async run(t) {
      const worker = await t.worker()
      const ids = await addGroup(t, 5)
      equal(await t.claimIds(worker), [...ids])
    },
  },
  {
    name: 'at most the limit of a group runs at once, and other jobs pass it',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 2 })
      const [a, b, c] = await addGroup(t, 3)
      const other = await t.add({ groupId: 'other' })
      const free = await t.add()
      equal(
        (await t.claimIds(worker)).toSorted((x, y) => x - y),
        [a, b, other, free],
      )
      equal(await t.claimIds(worker), [])
      const stats = await t.store.stats()
      equal([stats.groupWaiting, stats.ready], [1, 0])
      equal((await t.job(c ?? 0)).status, 'pending')
    },
  },
  ...Object.entries(ENDS).map(([how, end]): ConformanceCase => ({
    name: `the next job of a full group is offered by ${how}`,
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const helper = await t.worker({ groupConcurrency: 1 })
      const [first, second, third] = await t.addAll([
        { groupId: 'g', maxAttempts: how.includes('last attempt') ? 1 : 3 },
        { groupId: 'g' },
        { groupId: 'g' },
      ])
      const job = await t.claimOne(worker)
      equal(job.id, first)
      equal(await t.claimIds(helper), [])
      await end(t, job, worker)
      equal(await t.claimIds(helper), [second])
      equal(await t.claimIds(helper), [])
      check((await t.job(third ?? 0)).status === 'pending', 'the third waits')
    },
  })),
  {
    name: 'a released or rescued job keeps its place in the group',
    async run(t) {
      const helper = await t.worker({ groupConcurrency: 1 })
      const worker = await t.worker({ groupConcurrency: 1 })
      const [first] = await addGroup(t, 3)
      await t.settle(released(await t.claimOne(worker)))
      const again = await t.claimOne(worker)
      equal(again.id, first)
      await t.target.expireWorker(worker)
      equal((await t.keepHouse(helper)).rescued, 1)
      equal(await t.claimIds(helper), [first])
      await t.store.retry({ id: first ?? 0 })
      equal(await t.claimIds(helper), [first])
    },
  },
  {
    name: 'cancelling a job that has a place gives the place to the next',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const [first, second] = await addGroup(t, 2)
      await t.exchange(worker, { limit: 1, jobTypes: ['none'] })
      equal(await t.store.cancel({ id: first ?? 0 }), 'changed')
      equal(await t.claimIds(worker), [second])
    },
  },
  {
    name: 'a group runs by priority, then in the order in which its jobs were added',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const ids = await t.addAll([0, 2, 1, 2, 0].map((priority) => ({ priority, groupId: 'g' })))
      const order: number[] = []
      for (let n = 0; n < 5; n++) {
        const job = await t.claimOne(worker)
        order.push(ids.indexOf(job.id))
        await t.settle(completed(job))
      }
      equal(order, [1, 3, 2, 0, 4])
    },
  },
  {
    name: 'the smallest limit among live workers holds for all of them',
    async run(t) {
      const wide = await t.worker({ groupConcurrency: 3 })
      const unlimited = await t.worker()
      const narrow = await t.worker({ groupConcurrency: 1 })
      await addGroup(t, 5)
      equal((await t.claim(wide)).length, 1)
      equal((await t.claim(unlimited)).length, 0)
      await t.store.unregister({ worker: narrow })
      equal((await t.claim(unlimited)).length, 2)
      await t.store.unregister({ worker: wide })
      // The two that waited, and what the worker handed back.
      equal((await t.claim(unlimited)).length, 3)
    },
  },
  {
    name: 'a limit that appears later takes back what has not started',
    async run(t) {
      const first = await t.worker()
      await addGroup(t, 5)
      const [running] = await t.claim(first, 1)
      check(running, 'one job runs')
      const limited = await t.worker({ groupConcurrency: 2 })
      equal((await t.claim(first)).length, 1)
      equal((await t.claim(limited)).length, 0)
      await t.settle(completed(running))
      equal((await t.claim(limited)).length, 1)
    },
  },
  {
    name: 'the limit of a worker that is late with its beat holds until it is rescued, since it may still come back',
    async run(t) {
      const late = await t.worker({ groupConcurrency: 1 })
      const leaving = await t.worker({ groupConcurrency: 1 })
      await addGroup(t, 3)
      await t.target.expireWorker(late)
      await t.store.unregister({ worker: leaving })
      equal(await t.store.heartbeat({ worker: late, leaseMs: 30_000 }), true)
      equal((await t.claimIds(late)).length, 1)
    },
  },
  {
    name: 'the limit of a worker that died no longer holds',
    async run(t) {
      const dead = await t.worker({ groupConcurrency: 1 })
      await addGroup(t, 3)
      const worker = await t.worker()
      equal((await t.claim(worker)).length, 1)
      await t.target.expireWorker(dead)
      await t.keepHouse(worker)
      equal((await t.claim(worker)).length, 2)
    },
  },
  {
    name: 'a scheduled job of a group takes its place in line when it is due',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const job = await t.start(worker, { groupId: 'g' })
      const next = await t.add({ groupId: 'g' })
      await t.settle(retry(job, 0))
      equal((await t.keepHouse(worker)).promoted, 1)
      const running = await t.claimOne(worker)
      equal(running.id, next)
      equal(await t.claimIds(worker), [])
      await t.settle(completed(running))
      equal(await t.claimIds(worker), [job.id])
    },
  },
  {
    name: 'a redriven or retried dead letter of a group waits for a place',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const dead = await t.finish(worker, failed, { groupId: 'g' })
      const running = await t.start(worker, { groupId: 'g' })
      await t.store.retry({ id: dead.id })
      equal(await t.claimIds(worker), [])
      await t.settle(completed(running))
      equal(await t.claimIds(worker), [dead.id])
    },
  },
  {
    name: 'tenants do not share a group',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const ids = await t.addAll(
        [undefined, 'a', 'b', 'a'].map((tenantId) => ({ groupId: 'g', ...(tenantId && { tenantId }) })),
      )
      const jobs = await t.claim(worker)
      equal(
        jobs.map(({ id }) => id).toSorted((x, y) => x - y),
        ids.slice(0, 3),
      )
      check(
        jobs.every(({ groupId }) => groupId === 'g'),
        'the id is read back without its tenant',
      )
    },
  },
  {
    name: 'a group limit is exact while many workers claim and settle at once',
    needs: ['concurrent-sessions'],
    async run(t) {
      const workers = await Promise.all(Array.from({ length: 8 }, () => t.worker({ groupConcurrency: 2 })))
      await Promise.all(
        [0, 1, 2, 3].map(() => t.addAll(Array.from({ length: 40 }, (_, n) => ({ groupId: `g${n % 2}` })))),
      )
      const running = new Map<string, number>()
      let done = 0
      await Promise.all(
        workers.map(async (worker) => {
          while (done < 160) {
            const jobs = await t.claim(worker, 2)
            for (const { groupId } of jobs) running.set(String(groupId), (running.get(String(groupId)) ?? 0) + 1)
            for (const [group, count] of running) check(count <= 2, `${count} jobs of ${group} run at once`)
            // Counted down before the store knows, so that a late settlement cannot look like a breach.
            for (const { groupId } of jobs) running.set(String(groupId), (running.get(String(groupId)) ?? 0) - 1)
            done += jobs.length
            await t.settle(...jobs.map((job) => completed(job)))
          }
        }),
      )
      equal((await t.store.stats()).byStatus.completed, 160)
    },
  },
  {
    name: 'a job that leaves history takes nothing of its group with it',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      await addGroup(t, 2)
      const job = await t.claimOne(worker)
      await t.store.settle({ settlements: [completed(job)], keepCompleted: false })
      await t.store.upkeep()
      equal((await t.claim(worker)).length, 1)
      await t.store.upkeep()
    },
  },
]

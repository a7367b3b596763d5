import { isMillraceError } from '../errors.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, retry, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { addAfter, HOUR_MS, statuses } from './dependents.ts'

/** What may happen to a prerequisite that ends nothing. */
const DELAYS: Readonly<Record<string, (t: Bench, id: number, worker: number) => Promise<unknown>>> = {
  'a failure that will be retried': async (t, _id, worker) => t.settle(retry(await t.claimOne(worker), 0)),
  'a snooze': async (t, _id, worker) => t.settle(snoozed(await t.claimOne(worker), 0)),
  'an attempt that crashes': async (t, _id, worker) => {
    await t.claimOne(worker)
    await t.target.expireWorker(worker)
    return t.keepHouse(await t.worker())
  },
}

export const dependencyCases: readonly ConformanceCase[] = [
  {
    name: 'a job that depends on others starts after the last of them has completed',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll([{}, {}, {}])
      const last = await addAfter(t, ids)
      const { status, dependsOnJobIds, pendingReason } = await t.job(last)
      equal([status, dependsOnJobIds], ['pending', [...ids]])
      equal(pendingReason, 'waiting for 3 of the jobs it depends on')
      for (const job of await t.claim(worker)) {
        equal((await t.job(last)).status, 'pending')
        await t.settle(job.id === ids[1] ? completed(job, '{"with":"output"}') : completed(job))
      }
      equal(await t.claimIds(worker), [last])
      equal((await t.job(last)).pendingReason, null)
    },
  },
  {
    name: 'an exchange that records the last prerequisite claims what it releases, whatever its priority',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const urgent = await addAfter(t, [job.id], { priority: 7 })
      const { jobs } = await t.exchange(worker, {
        settlements: [completed(job)],
        limit: 5,
        from: [{ priority: 0, fromSeq: 0 }],
      })
      equal(
        jobs.map(({ id }) => id),
        [urgent],
      )
    },
  },
  {
    name: 'jobs of one batch can depend on earlier ones of it',
    async run(t) {
      const worker = await t.worker()
      const [a, b, c] = await t.addAll([
        {},
        { dependsOn: { jobIds: [-1] } },
        { dependsOn: { jobIds: [-1, -2] }, priority: 9 },
      ])
      equal((await t.job(c ?? 0)).dependsOnJobIds, [a, b])
      const order: number[] = []
      for (let n = 0; n < 3; n++) {
        const job = await t.claimOne(worker)
        order.push(job.id)
        await t.settle(completed(job))
      }
      equal(order, [a, b, c])
    },
  },
  {
    name: 'what has completed before is not waited for',
    async run(t) {
      const worker = await t.worker()
      const done = await t.finish(worker, completed)
      const next = await addAfter(t, [done.id])
      equal(await t.claimIds(worker), [next])
    },
  },
  {
    name: 'a released job waits for its time, and for a place in its group',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const job = await t.start(worker, { groupId: 'g' })
      const later = await addAfter(t, [job.id], { runAt: new Date(Date.now() + HOUR_MS) })
      const first = await addAfter(t, [job.id], { groupId: 'g' })
      const second = await addAfter(t, [job.id], { groupId: 'g' })
      await t.settle(completed(job))
      equal(await t.claimIds(worker), [first])
      equal(await t.claimIds(worker), [])
      equal(await statuses(t, [later, second]), ['pending', 'pending'])
      const { timed, groupWaiting, blocked } = await t.store.stats()
      equal([timed, groupWaiting, blocked], [1, 1, 0])
    },
  },
  {
    name: 'a prerequisite that does not exist is refused, and nothing is added',
    async run(t) {
      const known = await t.add()
      const error = await t
        .addAll([{}, { dependsOn: { jobIds: [known, 999_999_999] } }])
        .catch((thrown: unknown) => thrown)
      check(isMillraceError(error, 'JOB_NOT_FOUND'), 'the error says which')
      equal(error.details.value, [999_999_999])
      equal((await t.store.stats()).byStatus.pending, 1)
    },
  },
  {
    name: 'without history a prerequisite that left no trace counts as completed',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.store.settle({ settlements: [completed(job)], keepCompleted: false })
      const add = (id: number): Promise<unknown> =>
        t.store.enqueue({
          jobs: [{ jobType: 'work', payload: '{}', dependsOn: { jobIds: [id] } }],
          forgetsCompleted: true,
        })
      await add(job.id)
      equal((await t.claim(worker)).length, 1)
      const error = await add(999_999_999).catch((thrown: unknown) => thrown)
      check(isMillraceError(error, 'JOB_NOT_FOUND'), 'an id that was never given out is still refused')
    },
  },
  {
    name: 'a completion without history releases dependents like any other',
    async run(t) {
      const worker = await t.worker()
      const jobs = [await t.start(worker), await t.start(worker)]
      const last = await addAfter(
        t,
        jobs.map(({ id }) => id),
      )
      await t.store.settle({ settlements: jobs.map((job) => completed(job)), keepCompleted: false })
      equal(await t.claimIds(worker), [last])
    },
  },
  {
    name: 'a keyed job that exists keeps the dependencies it has',
    async run(t) {
      const worker = await t.worker()
      const first = await t.add()
      const id = await addAfter(t, [first], { idempotencyKey: 'k' })
      equal(await t.add({ idempotencyKey: 'k' }), id)
      equal(await addAfter(t, [id], { idempotencyKey: 'k' }), id)
      equal((await t.job(id)).dependsOnJobIds, [first])
      const after = await t.addAll([{ idempotencyKey: 'k' }, { dependsOn: { jobIds: [-1] } }])
      equal(after[0], id)
      equal((await t.job(after[1] ?? 0)).dependsOnJobIds, [id])
      for (const expected of [first, id, after[1]]) {
        const job = await t.claimOne(worker)
        equal(job.id, expected)
        await t.settle(completed(job))
      }
    },
  },
  ...Object.entries(DELAYS).map(([what, delay]): ConformanceCase => ({
    name: `${what} of a prerequisite changes nothing for its dependents`,
    async run(t) {
      const worker = await t.worker()
      const first = await t.add()
      const next = await addAfter(t, [first])
      await delay(t, first, worker)
      equal((await t.job(next)).status, 'pending')
      const other = await t.worker()
      await t.keepHouse(other)
      const again = await t.claimOne(other)
      equal(again.id, first)
      equal(await t.claimIds(other), [])
      await t.settle(completed(again))
      equal(await t.claimIds(other), [next])
    },
  })),
]

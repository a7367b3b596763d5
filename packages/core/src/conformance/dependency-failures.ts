import type { NewDependencies } from '../store/enqueue.ts'
import { check, equal } from './assert.ts'
import { completed, failed } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { addAfter, FAILURES, HOUR_MS, lastEvent, statuses } from './dependents.ts'

export const dependencyFailureCases: readonly ConformanceCase[] = [
  ...Object.entries(FAILURES).map(([what, fail]): ConformanceCase => ({
    name: `${what} cancels all that depend on a job, transitively, and says why`,
    async run(t) {
      const worker = await t.worker()
      const root = await t.add({ maxAttempts: 1 })
      const child = await addAfter(t, [root])
      const other = await t.add({ priority: -1 })
      const grandchild = await addAfter(t, [other, child])
      const scheduled = await addAfter(t, [grandchild], { runAt: new Date(Date.now() + HOUR_MS) })
      await fail(t, root, worker)
      equal(await statuses(t, [child, grandchild, scheduled, other]), [
        'cancelled',
        'cancelled',
        'cancelled',
        'pending',
      ])
      for (const id of [child, grandchild, scheduled]) {
        equal(await lastEvent(t, id), ['cancelled', { rootJobId: root, dependencyCascade: true }])
        const { pendingReason, lastCancelledAt } = await t.job(id)
        equal(pendingReason, `{"rootJobId":${root},"dependencyCascade":true}`)
        check(lastCancelledAt !== null, 'the time is recorded')
      }
    },
  })),
  ...Object.entries(FAILURES).map(([what, fail]): ConformanceCase => ({
    name: `with onFailure 'run' a job runs after ${what} of what it depends on, once all others have ended`,
    async run(t) {
      const worker = await t.worker()
      const root = await t.add({ maxAttempts: 1 })
      const other = await t.add({ priority: -1 })
      const last = await addAfter(t, [root, other], { dependsOn: { onFailure: 'run' } })
      await fail(t, root, worker)
      const helper = await t.worker()
      const job = await t.claimOne(helper)
      equal(job.id, other)
      equal(await t.claimIds(helper), [])
      await t.settle(completed(job))
      equal(await t.claimIds(helper), [last])
    },
  })),
  {
    name: "with onFailure 'wait' a job waits until what failed has been retried and has completed",
    async run(t) {
      const worker = await t.worker()
      const root = await t.finish(worker, failed, { maxAttempts: 1 }).then(({ id }) => id)
      const policy: NewDependencies = { onFailure: 'wait' }
      const late = await addAfter(t, [root], { dependsOn: policy })
      await t.store.retry({ id: root })
      const early = await addAfter(t, [root], { dependsOn: policy })
      await t.settle(failed(await t.claimOne(worker)))
      equal(await statuses(t, [late, early]), ['pending', 'pending'])
      await t.store.retry({ id: root })
      await t.settle(completed(await t.claimOne(worker)))
      equal(
        (await t.claimIds(worker)).toSorted((a, b) => a - b),
        [late, early],
      )
    },
  },
  {
    name: 'a prerequisite that had failed for good before acts at once, by the policy',
    async run(t) {
      const worker = await t.worker()
      const root = await t.finish(worker, failed, { maxAttempts: 1 })
      const [cancelledOne, ran, waits] = [
        await addAfter(t, [root.id]),
        await addAfter(t, [root.id], { dependsOn: { onFailure: 'run' } }),
        await addAfter(t, [root.id], { dependsOn: { onFailure: 'wait' } }),
      ]
      equal(await t.claimIds(worker), [ran])
      equal(await statuses(t, [cancelledOne, waits]), ['cancelled', 'pending'])
    },
  },
  {
    name: 'a failure deep in a long chain cancels every link of it',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll(
        Array.from({ length: 1500 }, (_, n) => (n === 0 ? { maxAttempts: 1 } : { dependsOn: { jobIds: [-n] } })),
      )
      await t.settle(failed(await t.claimOne(worker)))
      // A thousand at once, the rest by the notes that any node looks at.
      await t.keepHouse(worker)
      await t.keepHouse(worker)
      equal((await t.store.stats()).byStatus.cancelled, ids.length - 1)
    },
  },
  {
    name: 'a dependent that is cancelled by hand is waited for no more, and its own dependents go with it',
    async run(t) {
      const worker = await t.worker()
      const first = await t.add()
      const middle = await addAfter(t, [first])
      const last = await addAfter(t, [middle])
      equal(await t.store.cancel({ id: middle }), 'changed')
      equal(await statuses(t, [first, middle, last]), ['pending', 'cancelled', 'cancelled'])
      equal(await lastEvent(t, middle), ['cancelled', {}])
      equal(await t.claimIds(worker), [first])
    },
  },
  {
    name: 'retried dependents wait again for what has not completed, in whatever order they are retried',
    async run(t) {
      const worker = await t.worker()
      const root = await t.add({ maxAttempts: 1 })
      const middle = await addAfter(t, [root])
      const last = await addAfter(t, [middle])
      await t.settle(failed(await t.claimOne(worker)))
      for (const id of [last, middle]) {
        equal(await t.store.retry({ id }), 'changed')
        equal(await t.claimIds(worker), [])
      }
      equal(await statuses(t, [root, middle, last]), ['failed', 'pending', 'pending'])
      await t.store.retry({ id: root })
      for (const expected of [root, middle, last]) {
        const job = await t.claimOne(worker)
        equal(job.id, expected)
        await t.settle(completed(job))
      }
    },
  },
  {
    name: 'a retried dependent is cancelled again when its prerequisite fails again',
    async run(t) {
      const worker = await t.worker()
      const root = await t.add({ maxAttempts: 1 })
      const next = await addAfter(t, [root])
      await t.settle(failed(await t.claimOne(worker)))
      await t.store.retry({ id: next })
      await t.store.retry({ id: root })
      await t.settle(failed(await t.claimOne(worker)))
      equal(await statuses(t, [root, next]), ['failed', 'cancelled'])
    },
  },
  {
    name: 'a job that was released and then failed runs again at once when it is retried',
    async run(t) {
      const worker = await t.worker()
      const first = await t.finish(worker, completed)
      const next = await addAfter(t, [first.id], { maxAttempts: 1 })
      await t.settle(failed(await t.claimOne(worker)))
      await t.store.retry({ id: next })
      equal(await t.claimIds(worker), [next])
    },
  },
  {
    name: 'editing a blocked job leaves it blocked, with its new values when it runs',
    async run(t) {
      const worker = await t.worker()
      const first = await t.add()
      const next = await addAfter(t, [first])
      equal(
        await t.store.edit({ id: next, changes: { priority: 5, runAt: null, payload: '{"edited":true}' } }),
        'changed',
      )
      equal(await t.claimIds(worker, 1), [first])
      equal(await t.claimIds(worker), [])
      await t.settle(...(await t.store.leased({ worker, known: [] })).map((job) => completed(job)))
      const job = await t.claimOne(worker)
      equal([job.id, job.priority, JSON.parse(job.payload)], [next, 5, { edited: true }])
    },
  },
  {
    name: 'clean-up of completed prerequisites changes nothing for dependents that wait for others',
    async run(t) {
      const worker = await t.worker()
      const [first, second] = [await t.start(worker), await t.start(worker)]
      const last = await addAfter(t, [first.id, second.id])
      await t.settle(completed(first))
      await t.target.ageFinished(first.id, 60)
      equal(await t.store.cleanupJobs({ daysToKeep: 30, batch: 10 }), 1)
      await t.store.upkeep()
      equal(await t.claimIds(worker), [])
      await t.settle(completed(second))
      equal(await t.claimIds(worker), [last])
    },
  },
]

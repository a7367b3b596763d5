import { equal } from './assert.ts'
import { completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { addAfter, behind, FAILURES, HOUR_MS, lastEvent, statuses } from './dependents.ts'

const POLICIES = ['run', 'wait'] as const

export const tagBarrierCases: readonly ConformanceCase[] = [
  {
    name: 'a tag barrier opens when no other job that has all its tags is left',
    async run(t) {
      const worker = await t.worker()
      const wave = await t.addAll([{ tags: ['a', 'b'] }, { tags: ['b', 'x', 'a'] }, { tags: ['a'] }])
      const last = await behind(t, ['a', 'b'], { tags: ['a', 'b'] })
      const { dependsOnTags, pendingReason } = await t.job(last)
      equal([dependsOnTags, pendingReason], [['a', 'b'], 'waiting for jobs tagged a, b'])
      const jobs = await t.claim(worker)
      equal(
        jobs.map(({ id }) => id),
        [...wave],
      )
      // One that is between two attempts is not finished.
      await t.settle(
        ...jobs.slice(0, 1).map((job) => retry(job, HOUR_MS)),
        ...jobs.slice(1, 2).map((job) => completed(job)),
      )
      equal(await t.claimIds(worker), [])
      await t.store.edit({ id: wave[0] ?? 0, changes: { runAt: null } })
      await t.settle(completed(await t.claimOne(worker)))
      equal(await t.claimIds(worker), [last])
    },
  },
  {
    name: 'a barrier without anything behind its tags is open, and jobs of another tenant do not close it',
    async run(t) {
      const worker = await t.worker()
      await t.start(worker, { tags: ['a'], tenantId: 'other' })
      const last = await behind(t, ['a'])
      equal(await t.claimIds(worker), [last])
    },
  },
  {
    name: 'jobs added later close a barrier that has not opened yet, and not one that has',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker, { tags: ['a'] })
      const closed = await behind(t, ['a'])
      const second = await t.add({ tags: ['a'] })
      await t.settle(completed(first))
      const job = await t.claimOne(worker)
      equal(job.id, second)
      equal(await t.claimIds(worker), [])
      await t.settle(completed(job))
      await t.keepHouse(worker)
      const third = await t.add({ tags: ['a'] })
      equal(await t.claimIds(worker), [closed, third])
    },
  },
  {
    name: 'a barrier is looked at when the job is due and its other prerequisites have completed',
    async run(t) {
      const worker = await t.worker()
      const later = await behind(t, ['a'], { runAt: new Date(Date.now() + HOUR_MS) })
      const first = await t.start(worker)
      const both = await t.add({ dependsOn: { jobIds: [first.id], tags: ['a'] } })
      const wave = await t.add({ tags: ['a'] })
      equal((await t.store.stats()).timed, 1)
      await t.settle(completed(first))
      await t.store.edit({ id: later, changes: { runAt: null } })
      const job = await t.claimOne(worker)
      equal(job.id, wave)
      equal(await t.claimIds(worker), [])
      equal(await statuses(t, [later, both]), ['pending', 'pending'])
      await t.settle(completed(job))
      equal(
        (await t.claimIds(worker)).toSorted((a, b) => a - b),
        [later, both],
      )
    },
  },
  ...Object.entries(FAILURES).map(([what, fail]): ConformanceCase => ({
    name: `${what} of one of many cancels what waits behind its tags, due or not`,
    async run(t) {
      const worker = await t.worker()
      const root = await t.add({ maxAttempts: 1, tags: ['a', 'b'], priority: 1 })
      await t.addAll([{ tags: ['a', 'b'] }, { tags: ['a', 'b'] }])
      const due = await behind(t, ['a'])
      const later = await behind(t, ['b'], { runAt: new Date(Date.now() + HOUR_MS) })
      const after = await addAfter(t, [due])
      const other = await behind(t, ['a', 'b', 'c'])
      await fail(t, root, worker)
      equal(await statuses(t, [due, later, after, other]), ['cancelled', 'cancelled', 'cancelled', 'pending'])
      equal(await lastEvent(t, after), ['cancelled', { rootJobId: root, dependencyCascade: true }])
    },
  })),
  ...POLICIES.map((onFailure): ConformanceCase => ({
    name: `a failure behind the tags of a job with onFailure '${onFailure}' ${onFailure === 'run' ? 'counts as drained' : 'keeps it closed until a retry has completed'}`,
    async run(t) {
      const worker = await t.worker()
      const [first, second] = [
        await t.start(worker, { maxAttempts: 1, tags: ['a'] }),
        await t.start(worker, { maxAttempts: 1, tags: ['a'] }),
      ]
      const last = await behind(t, ['a'], { dependsOn: { onFailure } })
      await t.settle(failed(first))
      equal(await t.claimIds(worker), [])
      await t.settle(failed(second))
      if (onFailure === 'wait') {
        for (const { id } of [first, second]) {
          equal(await t.claimIds(worker), [])
          await t.store.retry({ id })
          await t.settle(completed(await t.claimOne(worker)))
        }
      }
      equal(await t.claimIds(worker), [last])
    },
  })),
  {
    name: 'two jobs that wait for the tags of each other do not wait for ever',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker, { tags: ['a', 'b'] })
      const left = await behind(t, ['b'], { tags: ['a'] })
      const right = await behind(t, ['a'], { tags: ['b'] })
      await t.settle(completed(first))
      const job = await t.claimOne(worker)
      equal(await t.claimIds(worker), [])
      await t.settle(completed(job))
      const rest = await t.claimIds(worker)
      equal(
        [job.id, ...rest].toSorted((a, b) => a - b),
        [left, right],
      )
    },
  },
  {
    name: 'an edit that takes its tags from a job opens the barrier it closed',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker)
      const second = await t.add({ tags: ['a'], runAt: new Date(Date.now() + HOUR_MS) })
      const last = await behind(t, ['a'])
      await t.store.edit({ id: second, changes: { tags: ['z'] } })
      await t.settle(completed(first))
      equal(await t.claimIds(worker), [last])
    },
  },
]

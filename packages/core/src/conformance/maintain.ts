import { check, equal } from './assert.ts'
import { completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

export const maintainCases: readonly ConformanceCase[] = [
  {
    name: 'a clean-up deletes completed jobs older than its limit, and only those',
    async run(t) {
      const worker = await t.worker()
      const ages = [0, 1, 29, 31, 40, 400]
      const ids: number[] = []
      for (const days of ages) {
        const { id } = await t.finish(worker, completed)
        await t.target.ageFinished(id, days)
        ids.push(id)
      }
      equal(await t.store.cleanupJobs({ daysToKeep: 30, batch: 100 }), 3)
      const left = (await t.store.listJobs({ limit: 100 })).map(({ id }) => id)
      equal(left, ids.slice(0, 3).toReversed())
      equal(await t.store.cleanupJobs({ daysToKeep: 30, batch: 100 }), 0)
    },
  },
  {
    name: 'a clean-up works through all that is due in small batches',
    async run(t) {
      const worker = await t.worker()
      await t.addAll(Array.from({ length: 25 }, () => ({})))
      const jobs = await t.claim(worker)
      await t.settle(...jobs.map((job) => completed(job)))
      for (const { id } of jobs) await t.target.ageFinished(id, 2)
      equal(await t.store.cleanupJobs({ daysToKeep: 1, batch: 4 }), 25)
    },
  },
  {
    name: 'a clean-up never touches live, failed or cancelled jobs',
    async run(t) {
      const worker = await t.worker()
      const dead = await t.finish(worker, failed)
      const between = await t.finish(worker, (job) => retry(job, 60_000))
      const running = await t.start(worker)
      const pending = await t.add({ runAt: new Date(Date.now() + 60_000) })
      const cancelled = await t.add()
      await t.store.cancel({ id: cancelled })
      const done = await t.finish(worker, completed)
      await t.target.ageFinished(done.id, 1)
      equal(await t.store.cleanupJobs({ daysToKeep: 0, batch: 100 }), 1)
      const left = (await t.store.listJobs({ limit: 100 })).map(({ id }) => id)
      equal(
        left,
        [dead.id, between.id, running.id, pending, cancelled].toSorted((a, b) => b - a),
      )
    },
  },
  {
    name: 'a clean-up of events empties the trail of old completed jobs and keeps the jobs',
    async run(t) {
      const worker = await t.worker()
      const ids: number[] = []
      for (const days of [0, 31]) {
        const job = await t.start(worker)
        await t.settle(retry(job))
        await t.keepHouse(worker)
        await t.settle(completed(await t.claimOne(worker)))
        await t.target.ageFinished(job.id, days)
        ids.push(job.id)
      }
      const [young, old] = ids
      const before = await t.store.listEvents({ id: old ?? 0 })
      equal(before.length, 5)
      equal(await t.store.cleanupEvents({ daysToKeep: 30, batch: 1 }), 2)
      equal(await t.store.cleanupEvents({ daysToKeep: 30, batch: 1 }), 0)
      equal((await t.events(young ?? 0)).length, 5)
      const after = await t.store.listEvents({ id: old ?? 0 })
      equal(
        after.map(({ id, eventType }) => [id, eventType]),
        [before[0], before[3], before[4]].map((event) => [event?.id, event?.eventType]),
      )
      equal((await t.job(old ?? 0)).status, 'completed')
    },
  },
  {
    name: 'stuck jobs are taken back from workers that are gone, never from a live one',
    async run(t) {
      const live = await t.worker()
      const dead = await t.worker()
      const kept = await t.start(live)
      const stuck = await t.start(dead)
      equal(await t.store.reclaimStuck({ minutes: 0 }), 0)
      await t.target.expireWorker(dead)
      equal(await t.store.reclaimStuck({ minutes: 0 }), 1)
      equal([(await t.job(kept.id)).status, (await t.job(stuck.id)).status], ['processing', 'pending'])
      equal([...(await t.settle(completed(kept), completed(stuck)))], ['settled', 'lost'])
    },
  },
  {
    name: 'upkeep may run at any time, again and again, from many nodes',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      await t.addAll([{ groupId: 'g' }, { groupId: 'g' }, {}])
      const [first] = await t.claim(worker, 1)
      check(first, 'a job runs')
      await Promise.all(Array.from({ length: 4 }, () => t.store.upkeep()))
      await t.settle(completed(first))
      await t.store.upkeep()
      equal((await t.claim(worker)).length, 1)
      await t.store.upkeep()
      equal((await t.job(first.id)).status, 'completed')
    },
  },
]

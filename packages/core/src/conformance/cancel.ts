import { check, equal } from './assert.ts'
import { cancelled, completed, failed, released, retry, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000

export const cancelCases: readonly ConformanceCase[] = [
  {
    name: 'cancelling a pending job ends it at once; no claim sees it again',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add()
      equal(await t.store.cancel({ id }), 'changed')
      const job = await t.job(id)
      equal([job.status, job.attempts, job.lastCancelledAt !== null], ['cancelled', 0, true])
      equal(await t.claimIds(worker), [])
      equal(await t.events(id), ['added', 'cancelled'])
      equal(await t.store.cancel({ id }), 'unchanged')
    },
  },
  {
    name: 'cancelling works on scheduled jobs, between two attempts, and on jobs that wait for their group',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const scheduled = await t.add({ runAt: new Date(Date.now() + HOUR_MS) })
      const { id: between } = await t.finish(worker, (job) => retry(job, HOUR_MS))
      const [running, waiting] = await t.addAll([{ groupId: 'g' }, { groupId: 'g' }])
      equal(await t.claimIds(worker), [running])
      for (const id of [scheduled, between, waiting ?? 0]) {
        equal(await t.store.cancel({ id }), 'changed')
        equal([(await t.job(id)).status, (await t.job(id)).nextAttemptAt], ['cancelled', null])
      }
      equal((await t.keepHouse(worker)).nextDueMs, null)
    },
  },
  {
    name: 'cancelling a finished job changes nothing, and an unknown one is not found',
    async run(t) {
      const worker = await t.worker()
      const done = await t.finish(worker, completed)
      const dead = await t.finish(worker, failed)
      equal(await t.store.cancel({ id: done.id }), 'unchanged')
      equal(await t.store.cancel({ id: dead.id }), 'unchanged')
      equal(await t.store.cancel({ id: 987_654_321 }), 'not_found')
      equal([(await t.job(done.id)).status, (await t.job(dead.id)).status], ['completed', 'failed'])
    },
  },
  {
    name: 'cancelling a running job asks its worker to stop, every time it looks, until the attempt ends',
    async run(t) {
      const worker = await t.worker()
      const other = await t.worker()
      const job = await t.start(worker)
      equal(await t.store.cancel({ id: job.id }), 'requested')
      equal(await t.store.cancel({ id: job.id }), 'requested')
      const request = { id: job.id, token: job.token, lost: false }
      equal([...(await t.keepHouse(worker)).cancelRequests], [request])
      equal([...(await t.keepHouse(worker)).cancelRequests], [request])
      equal([...(await t.keepHouse(other)).cancelRequests], [])
      equal((await t.job(job.id)).status, 'processing')
      await t.settle(cancelled(job))
      equal([...(await t.keepHouse(worker)).cancelRequests], [])
      equal(await t.events(job.id), ['added', 'processing', 'cancel_requested', 'cancelled'])
    },
  },
  {
    name: 'a running job that completes in spite of a cancel is completed, and its worker is not asked again',
    async run(t) {
      const worker = await t.worker()
      for (const output of [undefined, '1']) {
        const job = await t.start(worker)
        await t.store.cancel({ id: job.id })
        equal([...(await t.settle(completed(job, output)))], ['settled'])
        equal((await t.job(job.id)).status, 'completed')
        await t.store.upkeep()
        equal([...(await t.keepHouse(worker)).cancelRequests], [])
      }
    },
  },
  {
    name: 'whatever else a cancelled attempt ends with, the job is cancelled and not run again',
    async run(t) {
      const worker = await t.worker()
      for (const make of [retry, snoozed, released]) {
        const job = await t.start(worker, { deadLetterJobType: 'dead' })
        await t.store.cancel({ id: job.id })
        equal([...(await t.settle(make(job)))], ['settled'])
        const stored = await t.job(job.id)
        equal([stored.status, stored.nextAttemptAt, stored.deadLetterJobId], ['cancelled', null, null], make.name)
        equal((await t.keepHouse(worker)).promoted, 0)
        equal(await t.claimIds(worker), [])
      }
    },
  },
  {
    name: 'a cancelled attempt whose worker dies leaves the job cancelled',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.store.cancel({ id: job.id })
      await t.target.expireWorker(worker)
      const other = await t.worker()
      equal((await t.keepHouse(other)).rescued, 1)
      equal((await t.job(job.id)).status, 'cancelled')
      equal(await t.claimIds(other), [])
    },
  },
  {
    name: 'a cancelled attempt whose worker leaves is cancelled',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.store.cancel({ id: job.id })
      await t.store.unregister({ worker })
      equal((await t.job(job.id)).status, 'cancelled')
    },
  },
  {
    name: 'cancelling many ends the pending jobs that match, and only those',
    async run(t) {
      const worker = await t.worker()
      const between = await t.finish(worker, (job) => retry(job, HOUR_MS), { jobType: 'a' })
      const running = await t.start(worker, { jobType: 'a' })
      const [a, , scheduled] = await t.addAll([
        { jobType: 'a' },
        { jobType: 'b' },
        { jobType: 'a', runAt: new Date(Date.now() + HOUR_MS) },
      ])
      const ids = await t.store.cancelMany({ filter: { jobType: 'a' } })
      equal(
        [...ids].toSorted((x, y) => x - y),
        [a, scheduled],
      )
      equal([(await t.job(between.id)).status, (await t.job(running.id)).status], ['failed', 'processing'])
      equal([...(await t.store.cancelMany({ filter: { jobType: 'a' } }))], [])
      equal([...(await t.store.cancelMany({ filter: { status: 'completed' } }))], [])
    },
  },
  {
    name: 'cancelling many by tags, group, tenant, priority and time hits what the same list shows',
    async run(t) {
      const later = new Date(Date.now() + HOUR_MS)
      await t.addAll([
        { tags: ['a', 'b'] },
        { tags: ['a'], tenantId: 't' },
        { groupId: 'g', priority: 4 },
        { groupId: 'g', tenantId: 't' },
        { runAt: later },
      ])
      const filters = [
        { tags: { values: ['a', 'b'], mode: 'exact' as const } },
        { groupId: 'g', priority: 4 },
        { tenantId: 't', tags: { values: ['a'] } },
        { groupId: 'g' },
        { runAt: { gt: new Date() } },
      ]
      for (const filter of filters) {
        const listed = (await t.store.listJobs({ ...filter, status: 'pending', limit: 10 })).map(({ id }) => id)
        equal(listed.length, 1)
        equal([...(await t.store.cancelMany({ filter }))], listed)
      }
      check((await t.store.stats()).byStatus.cancelled === 5, 'all five are cancelled')
    },
  },
]

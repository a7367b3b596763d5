import { check, equal } from './assert.ts'
import { completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000

export const retryCases: readonly ConformanceCase[] = [
  {
    name: 'retrying a dead letter makes it pending under the same id, with one attempt more if they are used up',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => failed(claimed, 'first'), { maxAttempts: 1, payload: '{"a":1}' })
      equal(await t.store.retry({ id: job.id }), 'changed')
      const stored = await t.job(job.id)
      equal([stored.status, stored.attempts, stored.maxAttempts, stored.nextAttemptAt], ['pending', 1, 2, null])
      equal([stored.errorHistory.length, stored.payload as unknown, stored.lastRetriedAt !== null], [1, { a: 1 }, true])
      const again = await t.claimOne(worker)
      equal([again.id, again.attempt], [job.id, 2])
      await t.settle(failed(again, 'second'))
      equal(
        (await t.job(job.id)).errorHistory.map(({ message }) => message),
        ['first', 'second'],
      )
      equal(await t.events(job.id), ['added', 'processing', 'failed', 'retried', 'processing', 'failed'])
    },
  },
  {
    name: 'retrying a dead letter with attempts left adds none',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, failed, { maxAttempts: 3 })
      await t.store.retry({ id: job.id })
      equal([(await t.job(job.id)).attempts, (await t.job(job.id)).maxAttempts], [1, 3])
    },
  },
  {
    name: 'a dead letter that is retried makes a new dead letter job when it fails again',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, failed, { maxAttempts: 1, deadLetterJobType: 'dead' })
      const first = (await t.job(job.id)).deadLetterJobId
      await t.store.retry({ id: job.id })
      equal((await t.job(job.id)).deadLetterJobId, null)
      const again = (await t.claim(worker)).find(({ id }) => id === job.id)
      check(again, 'the job runs again')
      await t.settle(failed(again))
      const second = (await t.job(job.id)).deadLetterJobId
      check(first !== null && second !== null && first !== second, 'there are two letters')
    },
  },
  {
    name: 'retrying a cancelled job makes it pending',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add({ runAt: new Date(Date.now() + HOUR_MS) })
      await t.store.cancel({ id })
      equal(await t.store.retry({ id }), 'changed')
      equal((await t.job(id)).status, 'pending')
      equal(await t.claimIds(worker), [id])
    },
  },
  {
    name: 'retrying a job between two attempts runs it now',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => retry(claimed, HOUR_MS))
      equal(await t.store.retry({ id: job.id }), 'changed')
      equal([(await t.job(job.id)).status, (await t.job(job.id)).nextAttemptAt], ['pending', null])
      equal((await t.claimOne(worker)).attempt, 2)
    },
  },
  {
    name: 'retrying a job whose next attempt is due already makes it pending too',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => retry(claimed, 0), { groupId: 'g' })
      await t.keepHouse(worker)
      equal((await t.job(job.id)).status, 'failed')
      equal(await t.store.retry({ id: job.id }), 'changed')
      equal((await t.job(job.id)).status, 'pending')
      equal((await t.claimOne(worker)).attempt, 2)
    },
  },
  {
    name: 'retrying a running job revokes its lease and starts a new attempt, also if it was the last one',
    async run(t) {
      const worker = await t.worker()
      const stale = await t.start(worker, { maxAttempts: 1 })
      equal(await t.store.retry({ id: stale.id }), 'changed')
      equal([...(await t.keepHouse(worker)).cancelRequests], [{ id: stale.id, token: stale.token, lost: true }])
      const stored = await t.job(stale.id)
      equal([stored.status, stored.attempts, stored.maxAttempts], ['pending', 1, 2])
      equal([...(await t.settle(completed(stale)))], ['lost'])
      const current = await t.claimOne(worker)
      equal(current.attempt, 2)
      check(current.token > stale.token, 'the new attempt has a new lease')
      equal([...(await t.settle(completed(current)))], ['settled'])
      equal(await t.events(stale.id), ['added', 'processing', 'reclaimed', 'retried', 'processing', 'completed'])
    },
  },
  {
    name: 'retrying forgets a cancel that was asked for',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.store.cancel({ id: job.id })
      await t.store.retry({ id: job.id })
      const current = await t.claimOne(worker)
      await t.settle(retry(current))
      equal((await t.job(job.id)).status, 'failed')
    },
  },
  {
    name: 'retrying a pending or completed job changes nothing, and an unknown one is not found',
    async run(t) {
      const worker = await t.worker()
      const done = await t.finish(worker, completed)
      const pending = await t.add()
      equal(await t.store.retry({ id: pending }), 'unchanged')
      equal(await t.store.retry({ id: done.id }), 'unchanged')
      equal(await t.store.retry({ id: 987_654_321 }), 'not_found')
      equal([(await t.job(pending)).status, (await t.job(done.id)).status], ['pending', 'completed'])
    },
  },
  {
    name: 'a redrive moves the dead letters that match, oldest first, with their attempts reset',
    async run(t) {
      const worker = await t.worker()
      const dead: number[] = []
      for (const jobType of ['a', 'b', 'a', 'a']) {
        dead.push((await t.finish(worker, failed, { jobType, maxAttempts: 1 })).id)
      }
      const cancelledId = await t.add({ jobType: 'a' })
      await t.store.cancel({ id: cancelledId })
      const between = await t.finish(worker, (job) => retry(job, HOUR_MS), { jobType: 'a' })
      const moved = await t.store.redrive({ filter: { jobType: 'a' }, limit: 2 })
      equal([...moved], [dead[0], dead[2]])
      for (const id of moved) {
        const job = await t.job(id)
        equal([job.status, job.attempts, job.maxAttempts], ['pending', 0, 1])
      }
      equal([(await t.job(cancelledId)).status, (await t.job(between.id)).status], ['cancelled', 'failed'])
      equal([...(await t.store.redrive({ filter: {}, limit: 100 }))], [dead[1], dead[3]])
      equal([...(await t.store.redrive({ filter: {}, limit: 100 }))], [])
      equal((await t.claimIds(worker)).length, 4)
    },
  },
  {
    name: 'a redrive by final, tenant and tags hits what the same list shows',
    async run(t) {
      const worker = await t.worker()
      const one = await t.finish(worker, failed, { tenantId: 't', tags: ['x'] })
      const two = await t.finish(worker, failed, { tags: ['y'] })
      equal([...(await t.store.redrive({ filter: { tenantId: 't', tags: { values: ['x'] } }, limit: 10 }))], [one.id])
      equal([...(await t.store.redrive({ filter: { final: false }, limit: 10 }))], [])
      equal([...(await t.store.redrive({ filter: { final: true }, limit: 10 }))], [two.id])
    },
  },
]

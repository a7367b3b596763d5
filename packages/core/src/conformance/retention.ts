import { check, equal } from './assert.ts'
import { type Bench, completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { addAfter, statuses } from './dependents.ts'

/** Jobs that failed for good, one for each age. */
async function failedDaysAgo(t: Bench, worker: number, ages: readonly number[]): Promise<number[]> {
  const ids: number[] = []
  for (const days of ages) {
    const { id } = await t.finish(worker, failed)
    await t.target.ageFinished(id, days)
    ids.push(id)
  }
  return ids
}

async function stored(t: Bench): Promise<number[]> {
  const ids = (await t.store.listJobs({ limit: 100 })).map(({ id }) => id)
  return ids.toSorted((a, b) => a - b)
}

/** Retention of what did not complete. */
export const retentionCases: readonly ConformanceCase[] = [
  {
    name: 'a clean-up of failed jobs deletes those that failed for good before its limit, and only those',
    async run(t) {
      const worker = await t.worker()
      const ids = await failedDaysAgo(t, worker, [400, 31, 40, 29, 0])
      const done = await t.finish(worker, completed)
      const called = await t.add()
      await t.store.cancel({ id: called })
      for (const id of [done.id, called]) await t.target.ageFinished(id, 400)
      const between = await t.finish(worker, (job) => retry(job, 60_000))
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 100 }), 3)
      equal(await stored(t), [...ids.slice(3), done.id, called, between.id])
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 100 }), 0)
    },
  },
  {
    name: 'a clean-up of cancelled jobs deletes those that were cancelled before its limit, and only those',
    async run(t) {
      const worker = await t.worker()
      const [old, young] = [await t.add(), await t.add()]
      await t.store.cancelMany({ filter: { ids: [old, young] } })
      const [dead] = await failedDaysAgo(t, worker, [400])
      await t.target.ageFinished(old, 31)
      equal(await t.store.cleanupJobs({ status: 'cancelled', daysToKeep: 30, batch: 100 }), 1)
      equal(await stored(t), [young, dead])
    },
  },
  {
    name: 'a clean-up of failed jobs works through all that is due in small batches',
    async run(t) {
      const worker = await t.worker()
      await t.addAll(Array.from({ length: 25 }, () => ({})))
      const jobs = await t.claim(worker)
      await t.settle(...jobs.map((job) => failed(job)))
      for (const { id } of jobs) await t.target.ageFinished(id, 2)
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 1, batch: 4 }), 25)
      equal(await stored(t), [])
    },
  },
  {
    name: 'the key of a failed job is free again once the job has been cleaned up',
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, failed, { idempotencyKey: 'k', tags: ['a'] })
      equal(await t.add({ idempotencyKey: 'k' }), id)
      await t.target.ageFinished(id, 31)
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 1)
      equal(await t.store.getJob({ id }), null)
      equal(await t.store.retry({ id }), 'not_found')
      check((await t.add({ idempotencyKey: 'k' })) !== id, 'a new job was made')
    },
  },
  {
    name: 'steps, signals, tokens and log lines go with a failed job by retention',
    needs: ['steps'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const { id, token } = job
      const outcome = { kind: 'done', result: { text: '1', codec: 'json' } } as const
      await t.store.storeStep({ id, token, step: { key: 's:a', attempt: 1, tries: 1, durationMs: 5, outcome } })
      await t.store.signalJob({ id, name: 'go', data: { text: '1', codec: 'json' } })
      await t.settle(failed(job))
      await t.target.ageFinished(job.id, 2)
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 1, batch: 10 }), 1)
      equal((await t.store.listSteps({ id })).length, 0)
    },
  },
  {
    name: 'a job that was retried and failed again counts from its last end',
    async run(t) {
      const worker = await t.worker()
      const [id = 0] = await failedDaysAgo(t, worker, [400])
      await t.store.retry({ id })
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 0)
      await t.settle(failed(await t.claimOne(worker)))
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 0)
      await t.target.ageFinished(id, 31)
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 1)
    },
  },
  {
    name: 'a failed job stays while another waits for it to complete after all, and those after it do not',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker)
      const patient = await addAfter(t, [first.id], { dependsOn: { onFailure: 'wait' } })
      await t.settle(failed(first))
      await t.target.ageFinished(first.id, 400)
      const [second = 0] = await failedDaysAgo(t, worker, [40])
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 1 }), 1)
      equal(await stored(t), [first.id, patient])
      equal(await t.store.getJob({ id: second }), null)
      equal(await t.claimIds(worker), [])
      await t.store.retry({ id: first.id })
      await t.settle(completed(await t.claimOne(worker)))
      equal(await t.claimIds(worker), [patient])
    },
  },
  {
    name: 'a dependent that was cancelled with its prerequisite runs when it is retried after the clean-up of the latter',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker)
      const after = await addAfter(t, [first.id])
      await t.settle(failed(first))
      equal(await statuses(t, [after]), ['cancelled'])
      await t.target.ageFinished(first.id, 40)
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 1)
      await t.store.retry({ id: after })
      equal(await t.claimIds(worker), [after])
    },
  },
  {
    name: 'a failed job is not cleaned up under somebody who is adding a job that waits for it',
    needs: ['caller-transactions', 'concurrent-sessions'],
    async run(t) {
      const worker = await t.worker()
      const [old = 0] = await failedDaysAgo(t, worker, [400])
      const patient = await t.target.transaction?.(async (db) => {
        const { ids } = await t.store.enqueue({
          jobs: [{ jobType: 'work', payload: '{}', dependsOn: { jobIds: [old], onFailure: 'wait' } }],
          db,
        })
        equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 0)
        return ids[0]
      })
      equal(await t.store.cleanupJobs({ status: 'failed', daysToKeep: 30, batch: 10 }), 0)
      await t.store.upkeep()
      equal(await t.claimIds(worker), [])
      equal(await stored(t), [old, patient])
    },
  },
]

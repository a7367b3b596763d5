import { explain } from '../model/explain.ts'
import type { Explanation } from '../model/explain.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { suspend, waitOf } from './waits.ts'

const HOUR_MS = 3_600_000
const needs = ['explain'] as const

async function explained(t: Bench, id: number): Promise<Explanation> {
  return explain(id, await t.store.facts({ id }))
}

/** The first reason, and whether the text has all of `words`. */
async function says(t: Bench, id: number, kind: string, ...words: string[]): Promise<void> {
  const { reasons, text } = await explained(t, id)
  equal(reasons[0]?.kind, kind)
  for (const word of words) check(text.includes(word), `"${text}" says "${word}"`)
}

export const explainCases: readonly ConformanceCase[] = [
  {
    name: 'of a job that is not there it is said that there is none',
    needs,
    run: (t) => says(t, 987_654_321, 'unknown_job', 'There is no such job'),
  },
  {
    name: 'a ready job is held up by the lack of workers before those ahead of it',
    needs,
    async run(t) {
      await t.addAll([{}, {}, { priority: 5 }])
      const id = await t.add()
      await says(t, id, 'no_workers', 'No worker is running.', '3 jobs ahead')
      await t.worker({ jobTypes: ['some other type'] })
      await says(t, id, 'no_worker_for_type', 'None of the 1 running workers')
      await t.worker()
      await says(t, id, 'queued', '3 jobs ahead')
      const first = await t.add({ priority: 9 })
      await says(t, first, 'queued', 'the next in line')
    },
  },
  {
    name: 'a job that is not due says until when, and a failed one what failed',
    needs,
    async run(t) {
      const worker = await t.worker()
      const runAt = new Date(Date.now() + HOUR_MS)
      await says(t, await t.add({ runAt }), 'scheduled', runAt.toISOString().slice(0, 16))
      const failedOnce = await t.finish(worker, (job) => retry(job, HOUR_MS))
      await says(t, failedOnce.id, 'retry', 'Attempt 1 of 3 failed')
    },
  },
  {
    name: 'a running job says who runs it, and whether it was asked to stop',
    needs,
    async run(t) {
      const worker = await t.worker({ workerId: 'the one' })
      const job = await t.start(worker)
      await says(t, job.id, 'running', 'on the one', 'the lease ends at')
      await t.store.cancel({ id: job.id })
      const { reasons } = await explained(t, job.id)
      equal(
        reasons.map(({ kind }) => kind),
        ['running', 'stopping'],
      )
    },
  },
  {
    name: 'a job whose group is full names who holds the places',
    needs,
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const first = await t.start(worker, { groupId: 'g', tenantId: 'a tenant' })
      const second = await t.add({ groupId: 'g', tenantId: 'a tenant' })
      await t.claim(worker)
      await says(t, second, 'group_full', 'group g has 1 of 1 places taken', `job ${first.id}`)
    },
  },
  {
    name: 'a job behind others of its queue names the queue and who has its place, also while that one waits for its next attempt',
    needs,
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker, { queue: 'mail' })
      const second = await t.add({ queue: 'mail' })
      await says(t, second, 'group_full', 'group mail has 1 of 1 places taken', `job ${first.id}`)
      await t.settle(retry(first, HOUR_MS))
      await says(t, second, 'group_full', 'group mail has 1 of 1 places taken')
    },
  },
  {
    name: 'a long line is counted so far and no further',
    needs,
    async run(t) {
      await t.worker()
      await t.addAll(Array.from({ length: 600 }, () => ({ priority: 1 })))
      await t.addAll(Array.from({ length: 500 }, () => ({})))
      const { reasons } = await explained(t, await t.add())
      equal(reasons, [{ kind: 'queued', ahead: 1000, isMore: true, priority: 0 }])
    },
  },
  {
    name: 'a job that waits says for what, and until when',
    needs: ['explain', 'steps'],
    async run(t) {
      const worker = await t.worker()
      const forSignal = await suspend(t, worker, waitOf('signal', { awaited: 'signal:paid' }))
      await says(t, forSignal.id, 'waiting_for', 'waits for signal:paid.')
      const forTime = await suspend(t, worker, waitOf('time', { until: { delayMs: HOUR_MS } }))
      await says(t, forTime.id, 'waiting_for_time', 'waits until')
      const forEither = await suspend(
        t,
        worker,
        waitOf('event', { awaited: 'event:paid', until: { delayMs: HOUR_MS } }),
      )
      await says(t, forEither.id, 'waiting_for', 'waits for event:paid, at the latest until')
    },
  },
  {
    name: 'a failed attempt is told of by its error, also when something was noted since',
    needs,
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, (job) => retry(job, HOUR_MS, 'no mail server'))
      await t.store.edit({ id, changes: { priority: 3 } })
      await says(t, id, 'retry', 'Attempt 1 of 3 failed (no mail server)')
    },
  },
  {
    name: 'a job that began under a version of its handler says so',
    needs,
    async run(t) {
      const worker = await t.worker()
      await t.add()
      const [job] = await t.claim(worker, 1, { versions: { work: [3] } })
      check(job !== undefined, 'it is claimed')
      await t.settle(retry(job))
      await t.keepHouse(worker)
      check((await explained(t, job.id)).text.includes('under version 3'), 'it says so')
    },
  },
  {
    name: 'a job whose version no living worker has says so, until one that has it comes',
    needs,
    async run(t) {
      const starter = await t.worker({ versions: { work: [3] } })
      await t.add()
      const [job] = await t.claim(starter, 1, { versions: { work: [3] } })
      check(job !== undefined, 'it is claimed')
      await t.settle(retry(job))
      await t.keepHouse(starter)
      const kinds = async () => (await explained(t, job.id)).reasons.map(({ kind }) => kind)
      equal(await kinds(), ['pinned_version', 'queued'])
      await t.store.unregister({ worker: starter })
      equal(await kinds(), ['no_workers', 'pinned_version', 'queued'])
      await t.worker()
      await t.worker({ versions: { work: [4, 2], other: [3] } })
      await t.worker({ versions: { work: [3] }, jobTypes: ['other'] })
      equal(await kinds(), ['no_worker_for_version', 'queued'])
      await says(t, job.id, 'no_worker_for_version', 'under version 3', 'none of the 2 running workers for work')
      await t.worker({ versions: { work: [4, 3] }, jobTypes: ['work'] })
      equal(await kinds(), ['pinned_version', 'queued'])
    },
  },
  {
    name: 'a blocked job names the jobs and the tags that it waits for',
    needs,
    async run(t) {
      await t.worker()
      const first = await t.add({ tags: ['import'] })
      const second = await t.add({ dependsOn: { jobIds: [first], tags: ['import'] } })
      await says(t, second, 'dependencies', `job ${first} (pending)`, 'tagged import')
    },
  },
  {
    name: 'what has ended says how',
    needs,
    async run(t) {
      const worker = await t.worker()
      const done = await t.finish(worker, completed)
      await says(t, done.id, 'completed', 'in attempt 1')
      const dead = await t.finish(worker, failed, { deadLetterJobType: 'dead' })
      const { deadLetterJobId } = await t.job(dead.id)
      await says(t, dead.id, 'failed', 'after 1 of 3 attempts', `dead letter is job ${deadLetterJobId}`)
      const cancelled = await t.add()
      await t.store.cancel({ id: cancelled })
      await says(t, cancelled, 'cancelled')
    },
  },
]

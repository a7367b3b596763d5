import type { NewJob } from '../store/enqueue.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000
/** Once, so that two calls mean the same time however long the case takes. */
const START_MS = Math.floor(Date.now() / 1000) * 1000
const later = (hours: number): Date => new Date(START_MS + hours * HOUR_MS)

/** Adds a job under the key `k` in `replace` mode, unless told otherwise. */
function put(t: Bench, payload: string, job: Partial<NewJob> = {}): Promise<number> {
  return t.add({ idempotencyKey: 'k', keyMode: 'replace', payload, ...job })
}

export const keyCases: readonly ConformanceCase[] = [
  {
    name: 'a replacing add gives a waiting job everything it says, under the same id',
    async run(t) {
      const id = await t.add({ idempotencyKey: 'k', payload: '1', runAt: later(1), priority: 5, tags: ['old'] })
      equal(await put(t, '2', { jobType: 'other', maxAttempts: 7, timeoutMs: 9, groupId: 'g' }), id)
      const job = await t.job(id)
      equal([job.jobType, job.payload, job.priority, job.maxAttempts, job.tags], ['other', 2, 0, 7, null])
      equal([job.timeoutMs, job.groupId, job.status], [9, 'g', 'pending'])
      equal(await t.claimIds(await t.worker()), [id])
    },
  },
  {
    name: 'a replacing add starts a job that has failed from its first attempt',
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, (job) => retry(job, HOUR_MS), { idempotencyKey: 'k' })
      equal(await put(t, '2'), id)
      const again = await t.claimOne(worker)
      equal([again.id, again.attempt, again.payload], [id, 1, '2'])
    },
  },
  {
    name: 'preserveRunAt keeps the due time of a job that has not been tried, and of no other',
    async run(t) {
      const runAt = later(1)
      const id = await put(t, '1', { runAt })
      equal(await put(t, '2', { keyMode: 'preserveRunAt', runAt: later(5) }), id)
      const job = await t.job(id)
      equal([job.payload, job.runAt], [2, runAt])
      await t.store.edit({ id, changes: { runAt: null } })
      const worker = await t.worker()
      await t.settle(retry(await t.claimOne(worker), HOUR_MS))
      equal(await put(t, '3', { keyMode: 'preserveRunAt', runAt: later(7) }), id)
      equal((await t.job(id)).runAt, later(7))
    },
  },
  {
    name: 'a debouncing add moves the due time later, never earlier, and leaves the rest',
    async run(t) {
      // Read once: the clock may pass a second between two readings.
      const latest = later(3)
      const id = await put(t, '1', { runAt: later(2), priority: 5 })
      equal(await put(t, '2', { keyMode: 'debounce', runAt: latest }), id)
      equal((await t.job(id)).runAt, latest)
      await put(t, '3', { keyMode: 'debounce', runAt: later(1) })
      const job = await t.job(id)
      equal([job.runAt, job.payload, job.priority], [latest, 3, 5])
    },
  },
  ...(['replace', 'preserveRunAt', 'debounce'] as const).map((keyMode): ConformanceCase => ({
    name: `a job that runs is left alone by ${keyMode}: the key passes to a new job, and every later add meets that one`,
    async run(t) {
      const worker = await t.worker()
      const running = await t.start(worker, { idempotencyKey: 'k', payload: '1', maxAttempts: 2 })
      const next = await put(t, '2', { keyMode })
      check(next !== running.id, 'a new job')
      equal(await put(t, '3', { keyMode }), next)
      await t.settle(retry(running))
      const jobs = await t.store.listJobs({ limit: 10 })
      equal(
        jobs.map(({ id, payload, status }) => [id, payload, status]),
        [
          [next, 3, 'pending'],
          [running.id, 1, 'failed'],
        ],
      )
    },
  })),
  ...(['completed', 'failed'] as const).map((how): ConformanceCase => ({
    name: `a replacing add that meets a job that has ${how} makes a new one`,
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, how === 'completed' ? completed : failed, { idempotencyKey: 'k' })
      const next = await put(t, '2')
      check(next !== id, 'a new job')
      equal(await t.add({ idempotencyKey: 'k' }), next)
    },
  })),
  {
    name: 'of two adds with one key in one batch the last counts when it replaces',
    async run(t) {
      const job = { idempotencyKey: 'k', keyMode: 'replace' as const }
      const ids = await t.addAll([
        { ...job, payload: '1' },
        { ...job, payload: '2' },
        { ...job, payload: '3' },
      ])
      equal(new Set(ids).size, 1)
      equal((await t.job(ids[0] ?? 0)).payload, 3)
      equal((await t.store.listJobs({ limit: 10 })).length, 1)
    },
  },
  {
    name: 'a key of one tenant never reaches the job of another',
    async run(t) {
      const a = await put(t, '1', { tenantId: 'a' })
      const b = await put(t, '2', { tenantId: 'b' })
      check(a !== b, 'two jobs')
      equal([(await t.job(a)).payload, (await t.job(b)).payload], [1, 2])
    },
  },
  {
    name: 'a replaced job leaves its group for the one it is given',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const first = await put(t, '1', { groupId: 'g' })
      const other = await t.add({ groupId: 'g' })
      // Gives the place in the group to the first.
      await t.exchange(worker, { limit: 1, jobTypes: ['none'] })
      equal(await put(t, '2', { groupId: 'h' }), first)
      equal(
        (await t.claimIds(worker)).toSorted((a, b) => a - b),
        [first, other],
      )
    },
  },
]

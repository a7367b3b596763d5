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
  {
    name: 'a key is unique within what its scope says, and texts of two scopes never meet',
    async run(t) {
      const add = (job: Partial<NewJob>): Promise<number> => t.add({ idempotencyKey: 'k', ...job })
      const within: readonly Partial<NewJob>[] = [
        {},
        { tenantId: 'a' },
        { keyScope: 'type', jobType: 'x' },
        { keyScope: 'type', jobType: 'y' },
        { keyScope: 'type', jobType: 'x', tenantId: 'a' },
        { keyScope: 'queue', queue: 'p' },
        { keyScope: 'queue', queue: 'q' },
        { keyScope: 'queue', queue: 'p', tenantId: 'a' },
        { keyScope: 'all' },
      ]
      const ids: number[] = []
      for (const job of within) ids.push(await add(job))
      equal(new Set(ids).size, within.length)
      for (const [index, job] of within.entries()) equal(await add(job), ids[index])
      equal(await add({ keyScope: 'type', jobType: 'x', queue: 'z' }), ids[2])
      equal(await add({ keyScope: 'queue', queue: 'p', jobType: 'z' }), ids[5])
      equal(await add({ keyScope: 'all', tenantId: 'a', jobType: 'z', queue: 'z' }), ids[8])
    },
  },
  {
    name: 'what separates the parts of a scoped key cannot be put into one of them',
    async run(t) {
      const scoped = (jobType: string, idempotencyKey: string): Promise<number> =>
        t.add({ jobType, idempotencyKey, keyScope: 'type' })
      const ids = [
        await scoped('a', 'b\u001Fc'),
        await scoped('a\u001Fb', 'c'),
        await scoped('1:a', 'c'),
        await scoped('a', 'c'),
        await t.add({ jobType: 'a', idempotencyKey: 'a\u001Ec', keyScope: 'all' }),
        await t.add({ jobType: 'a', idempotencyKey: '1:a\u001Fc', tenantId: 't' }),
      ]
      equal(new Set(ids).size, ids.length)
    },
  },
  ...(['type', 'queue'] as const).map((keyScope): ConformanceCase => ({
    name: `a replacing add finds the job that has its key within its ${keyScope}`,
    async run(t) {
      const scoped = { keyScope, queue: 'q', jobType: 'x' } as const
      const id = await put(t, '1', { ...scoped, runAt: later(1) })
      check((await put(t, '0')) !== id, 'another scope')
      equal(await put(t, '2', scoped), id)
      const job = await t.job(id)
      equal([job.payload, job.queue], [2, 'q'])
    },
  })),
  ...([true, false] as const).map((keepCompleted): ConformanceCase => ({
    name: `within its window a key is taken though its job has completed, ${keepCompleted ? 'with' : 'without'} history`,
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { idempotencyKey: 'k', keyWindowMs: HOUR_MS })
      await t.store.settle({ settlements: [completed(job)], keepCompleted })
      for (const keyMode of ['reuse', 'replace', 'preserveRunAt', 'debounce'] as const) {
        equal(await put(t, '2', { keyMode }), job.id)
      }
      equal((await t.store.listJobs({ limit: 10 })).length, keepCompleted ? 1 : 0)
      await t.store.upkeep()
      equal(await t.add({ idempotencyKey: 'k' }), job.id)
    },
  })),
  ...([true, false] as const).map((keepCompleted): ConformanceCase => ({
    name: `after its window the key of a job that has completed is free, ${keepCompleted ? 'with' : 'without'} history`,
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { idempotencyKey: 'k', keyWindowMs: 1 })
      await t.store.settle({ settlements: [completed(job)], keepCompleted })
      await t.pass(1)
      const next = await t.add({ idempotencyKey: 'k', keyWindowMs: 1 })
      check(next !== job.id, 'a new job')
      // While it lives it keeps the key, window or not.
      await t.pass(1)
      equal(await t.add({ idempotencyKey: 'k' }), next)
      equal(await put(t, '3'), next)
    },
  })),
]

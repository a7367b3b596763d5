import type { ListOptions } from '../store/inspect.ts'
import { between, check, equal } from './assert.ts'
import { type Bench, completed, failed, released, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000

async function listed(t: Bench, options: Partial<ListOptions> = {}): Promise<number[]> {
  return (await t.store.listJobs({ limit: 100, ...options })).map(({ id }) => id)
}

/** One job in each state there is, by name. */
async function oneOfEach(
  t: Bench,
): Promise<Record<'done' | 'dead' | 'between' | 'running' | 'cancelled' | 'pending' | 'later', number>> {
  const worker = await t.worker()
  const done = (await t.finish(worker, completed)).id
  const dead = (await t.finish(worker, failed)).id
  const between_ = (await t.finish(worker, (job) => retry(job, HOUR_MS))).id
  const running = (await t.start(worker)).id
  const cancelled = await t.add()
  await t.store.cancel({ id: cancelled })
  const pending = await t.add()
  const later = await t.add({ runAt: new Date(Date.now() + HOUR_MS) })
  return { done, dead, between: between_, running, cancelled, pending, later }
}

export const inspectCases: readonly ConformanceCase[] = [
  {
    name: 'an unknown job is null and has no events',
    async run(t) {
      equal(await t.store.getJob({ id: 987_654_321 }), null)
      equal([...(await t.store.listEvents({ id: 987_654_321 }))], [])
    },
  },
  {
    name: 'a list shows jobs in every state, newest first',
    async run(t) {
      const jobs = await oneOfEach(t)
      equal(
        await listed(t),
        Object.values(jobs).toSorted((a, b) => b - a),
      )
    },
  },
  {
    name: 'a list by status shows exactly the jobs of that status',
    async run(t) {
      const { done, dead, between: between_, running, cancelled, pending, later } = await oneOfEach(t)
      equal(await listed(t, { status: 'completed' }), [done])
      equal(await listed(t, { status: 'failed' }), [between_, dead])
      equal(await listed(t, { status: 'processing' }), [running])
      equal(await listed(t, { status: 'cancelled' }), [cancelled])
      equal(await listed(t, { status: 'pending' }), [later, pending])
      equal(await listed(t, { status: 'waiting' }), [])
      equal(await listed(t, { status: ['completed', 'pending'] }), [later, pending, done])
      equal(await listed(t, { status: [] }), [])
      equal(await listed(t, { final: true }), [dead])
      equal(await listed(t, { final: false }), [between_])
      for (const id of [done, dead, between_, running, cancelled, pending, later]) {
        const { status } = await t.job(id)
        check((await listed(t, { status })).includes(id), `job ${id} is listed as ${status}`)
      }
    },
  },
  {
    name: 'pages by cursor and by offset show every job once, over all states',
    async run(t) {
      const worker = await t.worker()
      await t.addAll(Array.from({ length: 25 }, () => ({})))
      const jobs = await t.claim(worker, 14)
      await t.settle(...jobs.slice(0, 10).map((job, n) => (n % 2 === 0 ? completed(job) : failed(job))))
      const all = await listed(t)
      equal(all.length, 25)
      const byCursor: number[] = []
      for (
        let page = await listed(t, { limit: 7 });
        page.length > 0;
        page = await listed(t, { limit: 7, cursor: page.at(-1) ?? 0 })
      ) {
        byCursor.push(...page)
      }
      equal(byCursor, all)
      const byOffset: number[] = []
      for (let offset = 0; offset < 28; offset += 7) byOffset.push(...(await listed(t, { limit: 7, offset })))
      equal(byOffset, all)
      equal(await listed(t, { limit: 3, cursor: all[2] ?? 0, offset: 5 }), all.slice(3, 6))
    },
  },
  {
    name: 'filters of type, priority, group, tenant and ids hold together',
    async run(t) {
      const [a, b, c, d] = await t.addAll([
        { jobType: 'x', priority: 1, groupId: 'g' },
        { jobType: 'x', priority: 2, groupId: 'g', tenantId: 't' },
        { jobType: 'y', priority: 1, tenantId: 't' },
        { jobType: "'; drop --", priority: 1 },
      ])
      equal(await listed(t, { jobType: 'x' }), [b, a])
      equal(await listed(t, { jobType: ['y', "'; drop --"] }), [d, c])
      equal(await listed(t, { jobType: 'x', priority: 1 }), [a])
      equal(await listed(t, { groupId: 'g' }), [b, a])
      equal(await listed(t, { groupId: 'g', tenantId: 't' }), [b])
      equal(await listed(t, { tenantId: 't' }), [c, b])
      equal(await listed(t, { ids: [a ?? 0, d ?? 0, 987_654_321] }), [d, a])
      equal(await listed(t, { ids: [] }), [])
    },
  },
  {
    name: 'tags are matched by all, any, none or exactly, in whatever order and state',
    async run(t) {
      const worker = await t.worker()
      const done = (await t.finish(worker, completed, { tags: ['a', 'b'] })).id
      const dead = (await t.finish(worker, failed, { tags: ['b', 'c'] })).id
      const [one, none] = await t.addAll([{ tags: ['a'] }, {}])
      const by = (values: string[], mode?: 'all' | 'any' | 'none' | 'exact'): Promise<number[]> =>
        listed(t, { tags: { values, ...(mode && { mode }) } })
      equal(await by(['a']), [one, done])
      equal(await by(['b', 'a'], 'all'), [done])
      equal(await by(['a', 'c'], 'any'), [one, dead, done])
      equal(await by(['a', 'c'], 'none'), [none])
      equal(await by(['b', 'a'], 'exact'), [done])
      equal(await by(['a'], 'exact'), [one])
      equal(await by([], 'exact'), [none])
      equal(await by(['%', "'"], 'any'), [])
    },
  },
  {
    name: 'times are matched to the millisecond, by limits that hold together',
    async run(t) {
      const at = (n: number): Date => new Date(Date.UTC(2090, 0, 1, 0, 0, 0, n))
      const [a, b, c] = await t.addAll([1, 2, 3].map((n) => ({ runAt: at(n) })))
      equal(await listed(t, { runAt: at(2) }), [b])
      equal(await listed(t, { runAt: { eq: at(2) } }), [b])
      equal(await listed(t, { runAt: { gt: at(1), lt: at(3) } }), [b])
      equal(await listed(t, { runAt: { gte: at(2) } }), [c, b])
      equal(await listed(t, { runAt: { lte: at(1) } }), [a])
      const { createdAt } = await t.job(a ?? 0)
      equal((await listed(t, { createdAt: { gte: createdAt, lte: createdAt } })).includes(a ?? 0), true)
      equal(await listed(t, { createdAt: { lt: new Date(0) } }), [])
    },
  },
  {
    name: 'events tell a life in order, each with its position as id',
    async run(t) {
      const worker = await t.worker({ workerId: 'w' })
      const first = await t.start(worker, { tags: ['x'], idempotencyKey: 'k' })
      await t.settle(retry(first, 0, 'boom'))
      await t.store.edit({ id: first.id, changes: { priority: 2 } })
      await t.keepHouse(worker)
      await t.settle(completed(await t.claimOne(worker)))
      const events = await t.store.listEvents({ id: first.id })
      equal(
        events.map(({ id, eventType }) => [id, eventType]),
        ['added', 'processing', 'failed', 'edited', 'processing', 'completed'].map((type, n) => [n + 1, type]),
      )
      check(
        events.every(({ jobId }) => jobId === first.id),
        'they are of this job',
      )
      const times = events.map(({ createdAt }) => createdAt.getTime())
      equal(
        times,
        times.toSorted((a, b) => a - b),
      )
      equal({ ...events[0]?.metadata }, { jobType: 'work', tags: ['x'], idempotencyKey: 'k' })
      equal([events[2]?.metadata.message, events[2]?.metadata.workerId], ['boom', 'w'])
    },
  },
  {
    name: 'an event keeps its id while the trail grows beyond what is kept',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add({ maxAttempts: 1000 })
      const attempt = async (n: number): Promise<void> => {
        await t.settle(retry(await t.claimOne(worker), 0, `failure ${n}`))
        await t.keepHouse(worker)
      }
      const ids = async (): Promise<Map<string, number>> =>
        new Map(
          (await t.store.listEvents({ id })).map((event) => [`${event.eventType} ${event.metadata.message}`, event.id]),
        )
      for (let n = 1; n <= 99; n++) await attempt(n)
      const before = (await ids()).get('failed failure 99')
      for (let n = 100; n <= 103; n++) await attempt(n)
      equal((await ids()).get('failed failure 99'), before)
      equal([before, (await ids()).get('failed failure 103')], [199, 207])
      equal((await t.store.listEvents({ id }))[0]?.eventType, 'added')
    },
  },
  {
    name: 'a job claimed and handed back keeps the history of its other attempts',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.settle(retry(job))
      await t.keepHouse(worker)
      await t.settle(released(await t.claimOne(worker)))
      const events = await t.events(job.id)
      equal(events.slice(0, 3), ['added', 'processing', 'failed'])
    },
  },
  {
    name: 'statistics count every job once, by status and by what it waits for',
    async run(t) {
      equal((await t.store.stats()).oldestReadyMs, null)
      await oneOfEach(t)
      const limited = await t.worker({ groupConcurrency: 1 })
      await t.addAll([{ groupId: 'g' }, { groupId: 'g' }])
      await t.exchange(limited, { limit: 1, jobTypes: ['none'] })
      const stats = await t.store.stats()
      equal({ ...stats.byStatus }, { pending: 4, processing: 1, completed: 1, failed: 2, cancelled: 1, waiting: 0 })
      equal([stats.ready, stats.timed, stats.groupWaiting, stats.workers], [2, 2, 1, 2])
      between(stats.oldestReadyMs, 0, 60_000, 'the age of the oldest ready job')
    },
  },
]

import { between, check, equal } from './assert.ts'
import { completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000
const NONE = { count: 0, isEstimate: false }
const ONE = { count: 1, isEstimate: false }

export const surveyCases: readonly ConformanceCase[] = [
  {
    name: 'a search finds what a list does, in bounded parts that go on where the one before ended',
    async run(t) {
      const worker = await t.worker()
      const done = (await t.finish(worker, completed, { jobType: 'rare', groupId: 'g', tenantId: 't' })).id
      const dead = (await t.finish(worker, failed, { jobType: 'rare', tenantId: 't' })).id
      for (let n = 0; n < 25; n++) await t.add({ jobType: 'common' })
      const live = await t.add({ jobType: 'rare', tenantId: 't' })
      for (let n = 0; n < 5; n++) await t.add({ jobType: 'common' })
      for (const filter of [{ jobType: 'rare' }, { tenantId: 't' }, { priority: 0, jobType: ['rare', 'none'] }]) {
        const found: number[] = []
        let [cursor, calls] = [Number.MAX_SAFE_INTEGER, 0]
        for (;;) {
          const { jobs, searchedTo } = await t.store.searchJobs({ ...filter, limit: 10, lookAt: 10, cursor })
          found.push(...jobs.map(({ id }) => id))
          calls += 1
          if (searchedTo === null) break
          check(
            searchedTo < cursor && jobs.every(({ id }) => id >= searchedTo && id < cursor),
            'each part goes further',
          )
          cursor = searchedTo
        }
        equal(found, [live, dead, done])
        between(calls, 2, 5, 'the number of parts')
      }
      const first = await t.store.searchJobs({ jobType: 'rare', limit: 10, lookAt: 10 })
      equal([first.jobs.map(({ id }) => id), first.searchedTo === null], [[live], false])
      const page = await t.store.searchJobs({ jobType: 'common', limit: 5, lookAt: 1000 })
      equal([page.jobs.length, page.searchedTo], [5, null])
      const whole = await t.store.searchJobs({ jobType: 'none', limit: 5, lookAt: 1000 })
      equal([whole.jobs.length, whole.searchedTo], [0, null])
    },
  },
  {
    name: 'ids are listed as the jobs are, by filter, cursor and offset',
    async run(t) {
      const worker = await t.worker()
      const done = (await t.finish(worker, completed, { jobType: 'a' })).id
      const dead = (await t.finish(worker, failed, { jobType: 'b' })).id
      const live = await t.add({ jobType: 'a' })
      const ids = async (options: object): Promise<readonly number[]> => [
        ...(await t.store.listJobIds({ limit: 10, ...options })),
      ]
      equal(await ids({}), [live, dead, done])
      equal(await ids({ jobType: 'a' }), [live, done])
      equal(await ids({ cursor: live }), [dead, done])
      equal(await ids({ limit: 1, offset: 1 }), [dead])
      equal(await ids({ ids: [done, 987_654_321] }), [done])
      equal(await ids({ status: [] }), [])
    },
  },
  {
    name: 'failures are listed with their last error, dead letters and those that are tried again',
    async run(t) {
      const worker = await t.worker()
      await t.finish(worker, completed)
      const dead = (await t.finish(worker, (job) => failed(job, 'the end'), { tenantId: 't' })).id
      await t.pass(2)
      const again = (await t.finish(worker, (job) => retry(job, HOUR_MS, 'not yet'), { jobType: 'b' })).id
      await t.add()
      const found = await t.store.listFailures({ limit: 10 })
      equal(
        found.map(({ id, jobType, isFinal, tenantId, attempts, reason, error }) => [
          id,
          jobType,
          isFinal,
          tenantId,
          attempts,
          reason,
          error?.message,
        ]),
        [
          [again, 'b', false, null, 1, 'handler_error', 'not yet'],
          [dead, 'work', true, 't', 1, 'handler_error', 'the end'],
        ],
      )
      const now = (await t.store.storeTime()).getTime()
      for (const { failedAt } of found) between(now - failedAt.getTime(), 0, HOUR_MS, 'the age of the failure')
      equal((await t.store.listFailures({ limit: 1 })).length, 1)
      equal(
        (await t.store.listFailures({ limit: 10, jobType: 'b' })).map(({ id }) => id),
        [again],
      )
      equal(
        (await t.store.listFailures({ limit: 10, tenantId: 't' })).map(({ id }) => id),
        [dead],
      )
    },
  },
  {
    name: 'a failure that was brought back is listed no more',
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, failed)
      await t.store.retry({ id })
      equal((await t.store.listFailures({ limit: 10 })).length, 0)
    },
  },
  {
    name: 'lanes tell who runs, who waits and who is next, and nothing of groups without jobs',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 2 })
      const [a, b, c] = await t.addAll(Array.from({ length: 4 }, () => ({ groupId: 'g', tenantId: 't' })))
      await t.finish(worker, completed, { groupId: 'over', priority: 9 })
      equal(await t.claimIds(worker, 2), [a, b])
      const [first, second] = await t.addAll([{ queue: 'q' }, { queue: 'q' }])
      equal(await t.claimIds(worker, 1), [first])
      const lanes = [...(await t.store.listLanes({ limit: 10 }))]
      const group = { kind: 'group' as const, name: 'g', tenantId: 't', limit: 2, isWaitingBounded: false }
      const queue = { kind: 'queue' as const, name: 'q', tenantId: null, limit: 1, isWaitingBounded: false }
      equal(lanes, [
        { ...group, active: 2, running: 2, holders: [a ?? 0, b ?? 0], waiting: 2, nextId: c ?? 0 },
        { ...queue, active: 1, running: 1, holders: [first ?? 0], waiting: 1, nextId: second ?? 0 },
      ])
      equal(
        (await t.store.listLanes({ limit: 10, tenantId: 't' })).map(({ name }) => name),
        ['g'],
      )
    },
  },
  {
    name: 'edges tell who waits for whom, also of what has ended',
    async run(t) {
      const worker = await t.worker()
      const { id: a } = await t.finish(worker, completed)
      const b = await t.add()
      const c = await t.add({ dependsOn: { jobIds: [a, b] } })
      const d = await t.add({ dependsOn: { jobIds: [c] } })
      const all = [
        [c, a],
        [c, b],
        [d, c],
      ] as const
      const edges = async (): Promise<string[]> => {
        const found = await t.store.listEdges({ id: c, window: 100, most: 10 })
        equal(found.isCut, false)
        return [...new Set(found.edges.map(String))].toSorted()
      }
      equal(await edges(), all.map(String))
      await t.settle(completed(await t.claimOne(worker)))
      await t.keepHouse(worker)
      await t.settle(failed(await t.claimOne(worker)))
      equal((await t.job(d)).status, 'cancelled')
      equal(await edges(), all.map(String))
      equal((await t.store.listEdges({ id: c, window: 100, most: 1 })).isCut, true)
    },
  },
  {
    name: 'figures count every state',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      await t.finish(worker, completed)
      await t.finish(worker, failed)
      await t.finish(worker, (job) => retry(job, HOUR_MS))
      const cancelled = await t.add()
      await t.store.cancel({ id: cancelled })
      await t.start(worker, { groupId: 'g' })
      const ready = await t.add()
      await t.add({ groupId: 'g' })
      await t.add({ runAt: new Date(Date.now() + HOUR_MS) })
      await t.add({ dependsOn: { jobIds: [ready] } })
      const { oldestReadyMs, ...figures } = await t.store.figures()
      between(oldestReadyMs, 0, HOUR_MS, 'the age of the oldest ready job')
      equal(figures, {
        pending: { count: 4, isEstimate: false },
        processing: ONE,
        waiting: NONE,
        completed: ONE,
        failed: { count: 2, isEstimate: false },
        cancelled: ONE,
        ready: ONE,
        timed: { count: 2, isEstimate: false },
        groupWaiting: ONE,
        blocked: ONE,
        paused: NONE,
        retrying: ONE,
        workers: 1,
      })
    },
  },
  {
    name: 'vitals tell how large the store is and what its clock says',
    async run(t) {
      await t.add()
      const { version, bytes, connections, clockSkewMs } = await t.store.vitals()
      check(/^\d+\./.test(version), `the version is ${version}`)
      check(bytes > 0, 'it has a size')
      check(connections === null || connections.used >= 1, 'this connection is one')
      between(Math.abs(clockSkewMs), 0, HOUR_MS, 'the difference of the clocks')
    },
  },
]

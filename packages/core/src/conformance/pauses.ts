import { explain } from '../model/explain.ts'
import type { ValidPauseOptions, ValidPauseScope } from '../model/pause.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const needs = ['pauses'] as const

const NO_OPTIONS: ValidPauseOptions = { reason: null, by: null, until: null }

function pause(t: Bench, scope: ValidPauseScope, options: Partial<ValidPauseOptions> = {}): Promise<void> {
  return t.store.pause({ scope, options: { ...NO_OPTIONS, ...options } })
}

function resume(t: Bench, scope: ValidPauseScope): Promise<boolean> {
  return t.store.resume({ scope })
}

/** Claims until a claim that was not told of more answers nothing twice. */
async function claimAll(t: Bench, worker: number): Promise<number[]> {
  const ids: number[] = []
  for (let empty = 0; empty < 2;) {
    const { jobs, hasMorePaused } = await t.exchange(worker, { limit: 1000 })
    ids.push(...jobs.map(({ id }) => id))
    if (hasMorePaused !== true) empty = jobs.length === 0 ? empty + 1 : 0
  }
  return ids
}

function byNumber(a: number, b: number): number {
  return a - b
}

const scopes: readonly ConformanceCase[] = [
  {
    name: 'a paused type is not claimed, and other types are',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { jobType: 'mail' })
      const [, other] = await t.addAll([{ jobType: 'mail' }, {}, { jobType: 'mail' }])
      equal(await t.claimIds(worker), [other])
      equal(await t.claimIds(worker), [])
      equal((await t.store.stats()).paused, 2)
    },
  },
  {
    name: 'a pause of everything stops every claim, whatever it asks for',
    needs,
    async run(t) {
      const worker = await t.worker()
      await t.addAll([{}, { groupId: 'g' }, { queue: 'q' }, { tenantId: 'a' }])
      await pause(t, {})
      equal(await t.claimIds(worker), [])
      equal(await t.claimIds(worker, 10, { from: [{ priority: 0, fromSeq: 0 }], groups: true }), [])
      equal(await t.claimIds(worker, 10, { jobTypes: ['work'] }), [])
      check(await resume(t, {}), 'it was paused')
      equal((await claimAll(t, worker)).length, 4)
    },
  },
  {
    name: 'a pause of a tenant covers its groups and queues, and nobody else',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { tenantId: 'a' })
      const ids = await t.addAll([
        { tenantId: 'a' },
        { tenantId: 'b' },
        { tenantId: 'a', groupId: 'g' },
        { groupId: 'g' },
        { tenantId: 'a', queue: 'q' },
        { queue: 'q' },
      ])
      equal((await claimAll(t, worker)).toSorted(byNumber), [ids[1], ids[3], ids[5]])
    },
  },
  {
    name: 'a pause of a queue or a group is of that tenant or of none, and a queue is no group',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { queue: 'x' })
      await pause(t, { group: 'g', tenantId: 'a' })
      const ids = await t.addAll([
        { queue: 'x' },
        { queue: 'x', tenantId: 'a' },
        { groupId: 'x' },
        { groupId: 'g' },
        { groupId: 'g', tenantId: 'a' },
      ])
      equal((await claimAll(t, worker)).toSorted(byNumber), [ids[1], ids[2], ids[3]])
    },
  },
  {
    name: 'a pause that names type and tenant covers only what has both',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { jobType: 'mail', tenantId: 'a' })
      const ids = await t.addAll([{ jobType: 'mail', tenantId: 'a' }, { jobType: 'mail' }, { tenantId: 'a' }])
      equal(await t.claimIds(worker), [ids[1], ids[2]])
    },
  },
  {
    name: 'a job that two pauses cover goes on when both have ended',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { jobType: 'work' })
      await pause(t, { tenantId: 'a' })
      const id = await t.add({ tenantId: 'a' })
      equal(await t.claimIds(worker), [])
      await resume(t, { jobType: 'work' })
      equal(await claimAll(t, worker), [])
      await resume(t, { tenantId: 'a' })
      equal(await claimAll(t, worker), [id])
    },
  },
]

const effects: readonly ConformanceCase[] = [
  {
    name: 'what runs when it is paused runs on, and its retry is not claimed',
    needs,
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker)
      const second = await t.start(worker)
      await pause(t, { jobType: 'work' })
      equal(await t.settle(completed(first), retry(second)), ['settled', 'settled'])
      await t.keepHouse(worker)
      equal(await t.claimIds(worker), [])
      equal((await t.job(second.id)).status, 'failed')
      await resume(t, { jobType: 'work' })
      equal(await claimAll(t, worker), [second.id])
    },
  },
  {
    name: 'a resumed set goes on in the order it had, before what was added later',
    needs,
    async run(t) {
      const worker = await t.worker()
      const [low, high, next] = await t.addAll([{}, { priority: 5 }, {}])
      await pause(t, { jobType: 'work' })
      equal(await t.claimIds(worker), [])
      const later = await t.add()
      await resume(t, { jobType: 'work' })
      equal(await t.claimIds(worker), [high, low, next, later])
    },
  },
  {
    name: 'thousands of paused jobs at the head hide nothing for long, and return in order',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { jobType: 'many' })
      const many = await t.addAll(Array.from({ length: 4500 }, () => ({ jobType: 'many' })))
      const other = await t.add()
      equal(await claimAll(t, worker), [other])
      equal((await t.store.stats()).paused, 4500)
      await resume(t, { jobType: 'many' })
      equal(await claimAll(t, worker), many)
      equal(await t.store.listPauses(), [])
    },
  },
  {
    name: 'a claim that paused jobs keep from looking further says that there is more, until it has what lies behind them',
    needs,
    async run(t) {
      const worker = await t.worker()
      await pause(t, { jobType: 'many' })
      await t.addAll(Array.from({ length: 6500 }, () => ({ jobType: 'many' })))
      const other = await t.add()
      const first = await t.exchange(worker, { limit: 3 })
      equal([first.jobs.length, first.hasMorePaused], [0, true])
      // Hundreds each time, or else the head would be passed as slowly as by claiming it.
      for (let calls = 1; ; calls += 1) {
        const { jobs, hasMorePaused } = await t.exchange(worker, { limit: 3 })
        if (hasMorePaused !== true) {
          equal(
            jobs.map(({ id }) => id),
            [other],
          )
          break
        }
        equal(jobs, [])
        check(calls < 10, 'each claim puts hundreds aside')
      }
    },
  },
  {
    name: 'a pause ends by itself at its time by the clock of the store',
    needs,
    async run(t) {
      const worker = await t.worker()
      const now = await t.store.storeTime()
      const until = new Date(now.getTime() + 400)
      await pause(t, { jobType: 'work' }, { until })
      const id = await t.add()
      equal(await t.claimIds(worker), [])
      const { nextDueMs } = await t.keepHouse(worker)
      check(nextDueMs !== null && nextDueMs <= 400, 'housekeeping says when to look again')
      await t.pass(410)
      equal(await t.store.listPauses(), [])
      equal(await t.claimIds(worker, 10, { housekeeping: true }), [id])
    },
  },
  {
    name: 'to pause again replaces why, by whom and until when; to resume twice says so',
    needs,
    async run(t) {
      const end = new Date((await t.store.storeTime()).getTime() + 3_600_000)
      await pause(t, { queue: 'q', tenantId: 'a' }, { reason: 'first', by: 'ann' })
      await pause(t, {}, { reason: 'all' })
      await pause(t, { queue: 'q', tenantId: 'a' }, { reason: 'second', until: end })
      equal(
        (await t.store.listPauses()).map(({ scope, reason, by, until }) => ({ scope, reason, by, until })),
        [
          { scope: { queue: 'q', tenantId: 'a' }, reason: 'second', by: null, until: end },
          { scope: {}, reason: 'all', by: null, until: null },
        ],
      )
      equal(await resume(t, { queue: 'q' }), false)
      equal(await resume(t, { queue: 'q', tenantId: 'a' }), true)
      equal(await resume(t, { queue: 'q', tenantId: 'a' }), false)
      equal((await t.store.listPauses()).length, 1)
    },
  },
  {
    name: 'a paused job can be cancelled, edited and retried, and stays paused',
    needs,
    async run(t) {
      const worker = await t.worker()
      const failedOnce = await t.finish(worker, (job) => retry(job))
      const ids = await t.addAll([{}, {}, { groupId: 'g' }])
      await pause(t, {})
      await t.keepHouse(worker)
      equal(await t.claimIds(worker), [])
      const [cancelled = 0, edited = 0, grouped = 0] = ids
      equal(await t.store.cancel({ id: cancelled }), 'changed')
      equal(await t.store.cancel({ id: grouped }), 'changed')
      equal(await t.store.edit({ id: edited, changes: { priority: 7, runAt: null } }), 'changed')
      equal(await t.store.retry({ id: failedOnce.id }), 'changed')
      equal(await t.claimIds(worker), [])
      equal(await t.store.retry({ id: cancelled }), 'changed')
      await resume(t, {})
      equal((await claimAll(t, worker)).toSorted(byNumber), [failedOnce.id, cancelled, edited].toSorted(byNumber))
    },
  },
  {
    name: 'a paused job that is put off gives up its place, and comes back when due',
    needs,
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      await pause(t, { group: 'g' })
      const [first = 0, second] = await t.addAll([{ groupId: 'g' }, { groupId: 'g' }])
      equal(await t.claimIds(worker), [])
      await t.store.edit({ id: first, changes: { runAt: new Date((await t.store.storeTime()).getTime() + 3_600_000) } })
      await resume(t, { group: 'g' })
      equal(await claimAll(t, worker), [second])
    },
  },
]

const lanes: readonly ConformanceCase[] = [
  {
    name: 'a pause by type leaves the places of a group to its other types',
    needs,
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      await pause(t, { jobType: 'mail' })
      const [first, second] = await t.addAll([{ jobType: 'mail', groupId: 'g' }, { groupId: 'g' }])
      equal(await claimAll(t, worker), [second])
      await resume(t, { jobType: 'mail' })
      equal(await claimAll(t, worker), [])
      const running = await t.store.leased({ worker, known: [] })
      await t.settle(...running.map((job) => completed(job)))
      equal(await claimAll(t, worker), [first])
    },
  },
  {
    name: 'a queue whose next job is paused waits for it, and keeps its order',
    needs,
    async run(t) {
      const worker = await t.worker()
      const [first, second] = await t.addAll([
        { jobType: 'mail', queue: 'q' },
        { jobType: 'work', queue: 'q' },
      ])
      await pause(t, { jobType: 'mail' })
      equal(await claimAll(t, worker), [])
      await resume(t, { jobType: 'mail' })
      const job = await t.claimOne(worker)
      equal(job.id, first)
      await t.settle(completed(job))
      equal((await t.claimOne(worker)).id, second)
    },
  },
  {
    name: 'a queue that is paused while its head waits for a retry goes on with the head',
    needs,
    async run(t) {
      const worker = await t.worker()
      const head = await t.start(worker, { queue: 'q' })
      const second = await t.add({ queue: 'q' })
      await pause(t, { queue: 'q' })
      await t.settle(retry(head))
      await t.keepHouse(worker)
      equal(await claimAll(t, worker), [])
      await resume(t, { queue: 'q' })
      const again = await t.claimOne(worker)
      equal(again.id, head.id)
      await t.settle(completed(again))
      equal((await t.claimOne(worker)).id, second)
    },
  },
  {
    name: 'explain says of a paused job who paused it, why and until when, met by a claim or not',
    needs: ['pauses', 'explain'],
    async run(t) {
      const worker = await t.worker()
      const until = new Date((await t.store.storeTime()).getTime() + 3_600_000)
      await pause(t, { jobType: 'work' }, { reason: 'provider is down', by: 'ann', until })
      const id = await t.add()
      for (const claims of [0, 1]) {
        if (claims > 0) equal(await t.claimIds(worker), [])
        const { reasons, text } = explain(id, await t.store.facts({ id }))
        equal(
          reasons.map(({ kind }) => kind),
          ['paused'],
        )
        for (const word of ['type work', 'by ann', until.toISOString(), 'provider is down']) {
          check(text.includes(word), `"${text}" says "${word}"`)
        }
      }
      await resume(t, { jobType: 'work' })
      equal(
        explain(id, await t.store.facts({ id })).reasons.map(({ kind }) => kind),
        ['queued'],
      )
    },
  },
]

export const pauseCases: readonly ConformanceCase[] = [...scopes, ...effects, ...lanes]

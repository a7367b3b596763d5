import type { JobChanges } from '../store/change.ts'
import { check, equal } from './assert.ts'
import { completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000
const later = (): Date => new Date(Date.now() + HOUR_MS)

export const editCases: readonly ConformanceCase[] = [
  {
    name: 'an edit changes each field given and leaves the others',
    async run(t) {
      const id = await t.add({ payload: '{"a":1}', maxAttempts: 4, tags: ['old'], retryDelay: 9 })
      const before = await t.job(id)
      const changes = {
        maxAttempts: 9,
        priority: -5,
        timeoutMs: 3_000_000_000,
        tags: ['new', "it's {odd}"],
        retryDelay: 0.5,
        retryBackoff: false,
        retryDelayMax: 77,
        deadLetterJobType: 'dead',
      }
      equal(await t.store.edit({ id, changes: { ...changes, payload: '[null]' } }), 'changed')
      const after = await t.job(id)
      for (const [name, value] of Object.entries(changes)) equal(Reflect.get(after, name), value, name)
      equal(after.payload as unknown, [null])
      equal([after.jobType, after.runAt, after.createdAt], [before.jobType, before.runAt, before.createdAt])
      const one: JobChanges = { payload: '"only"' }
      await t.store.edit({ id, changes: one })
      const last = await t.job(id)
      equal([last.payload as unknown, last.priority, last.tags], ['only', -5, ['new', "it's {odd}"]])
      equal(await t.events(id), ['added', 'edited', 'edited'])
    },
  },
  {
    name: 'null clears what an edit may clear',
    async run(t) {
      const id = await t.add({
        timeoutMs: 5,
        tags: ['x'],
        retryDelay: 1,
        retryBackoff: true,
        retryDelayMax: 2,
        deadLetterJobType: 'd',
      })
      const changes = {
        timeoutMs: null,
        tags: null,
        retryDelay: null,
        retryBackoff: null,
        retryDelayMax: null,
        deadLetterJobType: null,
      }
      equal(await t.store.edit({ id, changes }), 'changed')
      const job = await t.job(id)
      equal(
        [job.timeoutMs, job.tags, job.retryDelay, job.retryBackoff, job.retryDelayMax, job.deadLetterJobType],
        [null, null, null, null, null, null],
      )
    },
  },
  {
    name: 'an edit can change the codec of a payload, and can make it null',
    async run(t) {
      const id = await t.add()
      await t.store.edit({ id, changes: { payload: '{"$bigint":"5"}', codec: 'rich' } })
      equal((await t.job(id)).payload as unknown, 5n)
      await t.store.edit({ id, changes: { payload: 'null', codec: 'json' } })
      equal((await t.job(id)).payload as unknown, null)
    },
  },
  {
    name: 'the history tells what an edit changed, of a large payload only that it did',
    async run(t) {
      const id = await t.add()
      await t.store.edit({ id, changes: { payload: '"new"', priority: 3 } })
      await t.store.edit({ id, changes: { payload: JSON.stringify('x'.repeat(100_000)), timeoutMs: null } })
      const edited = (await t.store.listEvents({ id })).filter(({ eventType }) => eventType === 'edited')
      equal<unknown>(
        edited.map(({ metadata }) => metadata),
        [
          { payload: 'new', priority: 3 },
          { payload: 'changed', timeoutMs: null },
        ],
      )
    },
  },
  {
    name: 'an edit of the priority changes the order of claims',
    async run(t) {
      const worker = await t.worker()
      const [a, b, c] = await t.addAll([{}, {}, {}])
      await t.store.edit({ id: c ?? 0, changes: { priority: 1 } })
      equal(await t.claimIds(worker), [c, a, b])
    },
  },
  {
    name: 'an edit moves a ready job to a later time, and a scheduled one to now',
    async run(t) {
      const worker = await t.worker()
      const runAt = later()
      const [ready, scheduled] = await t.addAll([{}, { runAt }])
      equal(await t.store.edit({ id: ready ?? 0, changes: { runAt } }), 'changed')
      equal((await t.job(ready ?? 0)).runAt, runAt)
      equal(await t.store.edit({ id: scheduled ?? 0, changes: { runAt: null } }), 'changed')
      equal(await t.claimIds(worker), [scheduled])
      check(((await t.keepHouse(worker)).nextDueMs ?? 0) > HOUR_MS / 2, 'the other one waits for its time')
      await t.store.edit({ id: ready ?? 0, changes: { runAt: new Date(0) } })
      equal(await t.claimIds(worker), [ready])
    },
  },
  {
    name: 'an edit of the time of a grouped job gives up its place and takes one again',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const [a, b] = await t.addAll([{ groupId: 'g' }, { groupId: 'g' }])
      await t.claim(worker, 0)
      await t.exchange(worker, { limit: 1, jobTypes: ['none'] })
      equal(await t.store.edit({ id: a ?? 0, changes: { runAt: later() } }), 'changed')
      const job = await t.claimOne(worker)
      equal(job.id, b)
      await t.store.edit({ id: a ?? 0, changes: { runAt: null } })
      equal(await t.claimIds(worker), [])
      await t.settle(completed(job))
      equal(await t.claimIds(worker), [a])
    },
  },
  {
    name: 'an edit of a job between two attempts applies, and a new time moves its next attempt',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => retry(claimed, HOUR_MS))
      const runAt = new Date(Date.now() + 2 * HOUR_MS)
      equal(await t.store.edit({ id: job.id, changes: { payload: '2', runAt } }), 'changed')
      equal([(await t.job(job.id)).status, (await t.job(job.id)).nextAttemptAt], ['failed', runAt])
      equal(await t.store.edit({ id: job.id, changes: { runAt: null } }), 'changed')
      const { nextAttemptAt } = await t.job(job.id)
      check(nextAttemptAt === null || nextAttemptAt <= new Date(), 'the next attempt is due')
      const again = await t.claimOne(worker)
      equal([again.attempt, again.payload], [2, '2'])
    },
  },
  {
    name: 'an edit cannot take away attempts that were made',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { maxAttempts: 5 })
      await t.settle(retry(job))
      await t.keepHouse(worker)
      await t.settle(retry(await t.claimOne(worker), HOUR_MS))
      await t.store.edit({ id: job.id, changes: { maxAttempts: 1 } })
      equal((await t.job(job.id)).maxAttempts, 3)
    },
  },
  {
    name: 'an edit of a running or finished job changes nothing, and an unknown one is not found',
    async run(t) {
      const worker = await t.worker()
      const done = await t.finish(worker, completed)
      const dead = await t.finish(worker, failed)
      const running = await t.start(worker)
      for (const { id } of [done, dead, running]) {
        equal(await t.store.edit({ id, changes: { priority: 9, runAt: later() } }), 'unchanged')
        equal((await t.job(id)).priority, 0)
      }
      equal(await t.store.edit({ id: 987_654_321, changes: { priority: 9 } }), 'not_found')
    },
  },
  {
    name: 'an edit of many changes the pending jobs that match, and only those',
    async run(t) {
      const worker = await t.worker()
      const between = await t.finish(worker, (job) => retry(job, HOUR_MS), { tags: ['x'] })
      const running = await t.start(worker, { tags: ['x'] })
      const [a, b, c] = await t.addAll([{ tags: ['x', 'y'] }, { tags: ['y'] }, { tags: ['x'], runAt: later() }])
      const filter = { tags: { values: ['x'] } }
      equal(await t.store.editMany({ filter, changes: { priority: 7, payload: '"new"' } }), 2)
      for (const id of [a, c])
        equal([(await t.job(id ?? 0)).priority, (await t.job(id ?? 0)).payload as unknown], [7, 'new'])
      for (const id of [b, between.id, running.id]) equal((await t.job(id ?? 0)).priority, 0)
      equal(await t.store.editMany({ filter: { status: 'failed' }, changes: { priority: 1 } }), 0)
      equal(await t.store.editMany({ filter: {}, changes: { runAt: null } }), 3)
      equal((await t.claimIds(worker)).length, 3)
    },
  },
]

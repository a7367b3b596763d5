import { check, equal } from './assert.ts'
import { completed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const DISTANT = new Date(Date.UTC(9000, 0, 1))

export const enqueueCases: readonly ConformanceCase[] = [
  {
    name: 'ids of a batch ascend in input order and are safe integers',
    async run(t) {
      const ids = await t.addAll(Array.from({ length: 500 }, (_, n) => ({ payload: `{"n":${n}}` })))
      equal(ids.length, 500)
      equal(
        [...ids],
        ids.toSorted((a, b) => a - b),
      )
      check(ids.every(Number.isSafeInteger), 'ids are safe integers')
      for (const n of [0, 250, 499]) equal((await t.job(ids[n] ?? 0)).payload, { n })
    },
  },
  {
    name: 'an empty batch adds nothing and answers no ids',
    async run(t) {
      const { ids, created } = await t.store.enqueue({ jobs: [] })
      equal([...ids], [])
      check(created === 'all', 'nothing was refused')
    },
  },
  {
    name: 'a job without options has the documented defaults',
    async run(t) {
      const job = await t.job(await t.add())
      equal(
        [job.status, job.priority, job.attempts, job.maxAttempts, job.timeoutMs, job.forceKillOnTimeout],
        ['pending', 0, 0, 3, null, false],
      )
      equal([job.tags, job.idempotencyKey, job.groupId, job.groupTier, job.tenantId], [null, null, null, null, null])
      equal([job.retryDelay, job.retryBackoff, job.retryDelayMax, job.deadLetterJobType], [null, null, null, null])
      equal([job.output, job.progress, job.lockedBy, job.startedAt, job.completedAt], [null, null, null, null, null])
      equal([...job.errorHistory], [])
    },
  },
  {
    name: 'every option of a job is stored and read back as given',
    async run(t) {
      const given = {
        jobType: 'it\'s a "type"; drop table jobs --',
        payload: '[1,{"a":null}]',
        maxAttempts: 7,
        priority: -12,
        runAt: new Date('2100-01-02T03:04:05.678Z'),
        timeoutMs: 3_000_000_000,
        forceKillOnTimeout: true,
        tags: ['b', 'a', "with 'quotes'", 'with "quotes", {braces} and \\'],
        idempotencyKey: 'key, \\ "and" {more}',
        retryDelay: 1.5,
        retryBackoff: false,
        retryDelayMax: 86_400,
        deadLetterJobType: 'dead',
        groupId: 'group',
        groupTier: 'gold',
        tenantId: 'tenant',
      }
      const { payload, ...rest } = given
      const job = await t.job(await t.add(given))
      equal(job.payload, JSON.parse(payload))
      for (const [name, value] of Object.entries(rest)) equal(Reflect.get(job, name), value, name)
    },
  },
  {
    name: 'a batch with one impossible job adds none of its jobs',
    async run(t) {
      const jobs = [
        { jobType: 'good', payload: '1' },
        { jobType: 'bad', payload: '1', priority: 2 ** 40 },
      ]
      await t.store.enqueue({ jobs }).then(
        () => check(false, 'the batch is refused'),
        () => undefined,
      )
      equal((await t.store.listJobs({ limit: 10 })).length, 0)
    },
  },
  {
    name: 'a job whose key exists gives the id it has and changes nothing',
    async run(t) {
      const first = await t.store.enqueue({ jobs: [{ jobType: 'a', payload: '1', idempotencyKey: 'k' }] })
      const second = await t.store.enqueue({ jobs: [{ jobType: 'b', payload: '2', idempotencyKey: 'k' }] })
      equal([...second.ids], [...first.ids])
      check(first.created === 'all', 'the first add creates')
      check(second.created !== 'all' && second.created.size === 0, 'the second add creates nothing')
      const job = await t.job(first.ids[0] ?? 0)
      equal([job.jobType as string, job.payload as unknown], ['a', 1])
    },
  },
  {
    name: 'a key that comes twice in a batch makes one job',
    async run(t) {
      const { ids, created } = await t.store.enqueue({
        jobs: ['x', 'y', 'x', undefined].map((key) => ({
          jobType: 'work',
          payload: '{}',
          ...(key === undefined ? {} : { idempotencyKey: key }),
        })),
      })
      equal(ids[0], ids[2])
      equal(new Set(ids).size, 3)
      check(created !== 'all', 'not every position was created')
      equal(
        [...created].toSorted((a, b) => a - b),
        [0, 1, 3],
      )
      equal((await t.store.listJobs({ limit: 10 })).length, 3)
    },
  },
  {
    name: 'concurrent adds with the same keys in opposite orders make one job for each key',
    async run(t) {
      const keys = Array.from({ length: 20 }, (_, n) => ({ idempotencyKey: `k${n}` }))
      const calls = Array.from({ length: 8 }, (_, n) => t.addAll(n % 2 === 0 ? keys : keys.toReversed()))
      const answers = await Promise.all(calls)
      const [first] = answers
      for (const [n, ids] of answers.entries()) equal(n % 2 === 0 ? [...ids] : ids.toReversed(), [...(first ?? [])])
      equal((await t.store.listJobs({ limit: 100 })).length, 20)
    },
  },
  {
    name: 'a key stays in use after its job has completed',
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, completed, { idempotencyKey: 'k' })
      equal(await t.add({ idempotencyKey: 'k' }), id)
    },
  },
  {
    name: 'a key is free again once its job has been cleaned up',
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, completed, { idempotencyKey: 'k' })
      await t.target.ageFinished(id, 31)
      equal(await t.store.cleanupJobs({ daysToKeep: 30, batch: 10 }), 1)
      const again = await t.add({ idempotencyKey: 'k' })
      check(again !== id, 'a new job was made')
      equal(await t.add({ idempotencyKey: 'k' }), again)
    },
  },
  {
    name: 'without history a key is free as soon as its job has completed',
    async run(t) {
      const worker = await t.worker()
      const plain = await t.start(worker, { idempotencyKey: 'k' })
      await t.store.settle({ settlements: [completed(plain)], keepCompleted: false })
      equal(await t.store.getJob({ id: plain.id }), null)
      const withOutput = await t.start(worker, { idempotencyKey: 'k' })
      check(withOutput.id !== plain.id, 'a new job was made')
      await t.store.settle({ settlements: [completed(withOutput, '1')], keepCompleted: false })
      check((await t.add({ idempotencyKey: 'k' })) !== withOutput.id, 'a third job was made')
    },
  },
  {
    name: 'tenants do not share keys',
    async run(t) {
      const ids = await t.addAll([
        { idempotencyKey: 'k' },
        { idempotencyKey: 'k', tenantId: 'a' },
        { idempotencyKey: 'k', tenantId: 'b' },
        { idempotencyKey: 'k', tenantId: 'a' },
      ])
      equal(new Set(ids).size, 3)
      equal(ids[1], ids[3])
    },
  },
  {
    name: 'keys, types, groups and tags of any length work',
    async run(t) {
      const long = 'x'.repeat(10_000)
      const id = await t.add({ jobType: long, idempotencyKey: long, groupId: long.slice(0, 2000), tags: [long] })
      equal(await t.add({ idempotencyKey: long }), id)
      check((await t.add({ idempotencyKey: `${long}y` })) !== id, 'the whole key counts')
      equal((await t.job(id)).tags, [long])
    },
  },
  {
    name: 'a time of the past means now, whatever its century',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll(
        [new Date(0), new Date(-62_198_755_200_000), new Date(-8.64e15)].map((runAt) => ({ runAt })),
      )
      equal(await t.claimIds(worker), [...ids])
    },
  },
  {
    name: 'a job for the far future waits and keeps its time',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add({ runAt: DISTANT })
      const beyond = await t.add({ runAt: new Date(8.64e15) })
      equal((await t.keepHouse(worker)).promoted, 0)
      equal(await t.claimIds(worker), [])
      equal((await t.job(id)).runAt, DISTANT)
      check((await t.job(beyond)).runAt > DISTANT, 'the last Date there is stays in the future')
    },
  },
  {
    name: 'a batch is found by its nonce, in the order of its ids, wherever its jobs went',
    async run(t) {
      const jobs = [1, 2, 3].map((n) => ({ jobType: 'work', payload: `${n}` }))
      const { ids } = await t.store.enqueue({ jobs, nonce: 4_711 })
      equal([...((await t.store.findEnqueued({ nonce: 4_711, sinceId: 0 })) ?? [])], [...ids])
      const worker = await t.worker()
      const job = await t.claimOne(worker)
      await t.settle(completed(job))
      await t.store.cancel({ id: ids[2] ?? 0 })
      equal([...((await t.store.findEnqueued({ nonce: 4_711, sinceId: 0 })) ?? [])], [...ids])
      equal(await t.store.findEnqueued({ nonce: 4_712, sinceId: 0 }), null)
      equal(await t.store.findEnqueued({ nonce: 4_711, sinceId: ids[2] ?? 0 }), null)
    },
  },
  {
    name: 'an add says whether some live worker sleeps',
    async run(t) {
      const jobs = [{ jobType: 'work', payload: '{}' }]
      equal((await t.store.enqueue({ jobs })).sleepers, false)
      const worker = await t.worker()
      equal((await t.store.enqueue({ jobs })).sleepers, true)
      await t.exchange(worker, { sleeping: false })
      equal((await t.store.enqueue({ jobs })).sleepers, false)
      await t.exchange(worker, { sleeping: true })
      await t.target.expireWorker(worker)
      equal((await t.store.enqueue({ jobs })).sleepers, false)
    },
  },
  {
    name: 'an add in the transaction of the caller exists if and only if that transaction commits',
    needs: ['caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const jobs = [
        { jobType: 'work', payload: '{"a":1}', idempotencyKey: 'k' },
        { jobType: 'work', payload: '2' },
      ]
      const kept = await transaction(async (db) => (await t.store.enqueue({ jobs, db })).ids)
      equal((await t.job(kept[0] ?? 0)).payload, { a: 1 })
      await transaction(async (db) => {
        const { ids } = await t.store.enqueue({ jobs: [{ jobType: 'gone', payload: '1' }, ...jobs], db })
        equal(ids[1], kept[0])
        throw new Error('rolled back')
      }).catch(() => undefined)
      equal((await t.store.listJobs({ limit: 10, jobType: 'gone' })).length, 0)
      equal((await t.store.listJobs({ limit: 10 })).length, 2)
    },
  },
  {
    name: 'a job that commits late is claimed although later jobs have gone before it',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const worker = await t.worker()
      const late = await transaction(async (db) => {
        const { ids } = await t.store.enqueue({ jobs: [{ jobType: 'work', payload: '{}' }], db })
        const next = await t.add()
        equal(await t.claimIds(worker), [next])
        return ids
      })
      equal(await t.claimIds(worker), [...late])
    },
  },
]

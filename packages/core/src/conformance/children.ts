import type { NewJob } from '../store/enqueue.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { Settlement } from '../store/settle.ts'
import { check, equal } from './assert.ts'
import type { Bench } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { statuses } from './dependents.ts'

/** Completes an attempt together with jobs that it adds. */
function completedWith({ id, token }: ClaimedJob, children: readonly Partial<NewJob>[], output?: string): Settlement {
  const jobs = children.map((job) => ({ jobType: 'child', payload: '{}', ...job }))
  return { id, token, kind: 'completed', children: jobs, ...(output === undefined ? {} : { output }) }
}

async function childIds(t: Bench): Promise<number[]> {
  const children = await t.store.listJobs({ jobType: 'child', limit: 100 })
  return children.map(({ id }) => id).toSorted((a, b) => a - b)
}

export const childCases: readonly ConformanceCase[] = [
  {
    name: 'children appear with the completion that brings them, with all their options',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      equal(await childIds(t), [])
      const children = [{ payload: '{"n":1}', priority: 5, tags: ['a'] }, { payload: '{"n":2}' }]
      equal(await t.settle(completedWith(job, children, '"done"')), ['settled'])
      const { status, output } = await t.job(job.id)
      equal([status, output], ['completed', 'done'])
      const claimed = await t.claim(worker)
      equal(
        claimed.map(({ payload, priority, tags }) => [payload.replaceAll(' ', ''), priority, tags]),
        [
          ['{"n":1}', 5, ['a']],
          ['{"n":2}', 0, null],
        ],
      )
    },
  },
  {
    name: 'a completion that is sent again because its reply was lost adds its children once',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const settlement = completedWith(job, [{}, {}])
      equal(await t.settle(settlement, settlement), ['settled', 'settled'])
      equal(await t.settle(settlement), ['settled'])
      equal((await t.exchange(worker, { settlements: [settlement] })).settled, ['settled'])
      equal((await childIds(t)).length, 2)
    },
  },
  {
    name: 'without history children are added once as well',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const settlements = [completedWith(job, [{ dependsOn: { jobIds: [job.id] } }, {}])]
      const store = { settlements, keepCompleted: false }
      equal(await t.store.settle({ ...store }), ['settled'])
      equal(await t.store.settle({ ...store }), ['lost'])
      equal(
        (await t.claimIds(worker)).toSorted((a, b) => a - b),
        await childIds(t),
      )
    },
  },
  {
    name: 'an attempt that lost its lease adds no children',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.store.retry({ id: job.id })
      const again = await t.claimOne(worker)
      equal(await t.settle(completedWith(job, [{}]), completedWith(again, [{}, {}])), ['lost', 'settled'])
      equal((await childIds(t)).length, 2)
    },
  },
  {
    name: 'a worker given up for dead adds no children',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.target.expireWorker(worker)
      await t.keepHouse(await t.worker())
      equal(await t.settle(completedWith(job, [{}])), ['lost'])
      equal(await childIds(t), [])
    },
  },
  {
    name: 'children of many attempts in one call are each added once, those of an attempt in their order',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      await t.addAll(Array.from({ length: 20 }, () => ({})))
      const jobs = await t.claim(worker)
      const settlements = jobs.map((job, n) =>
        completedWith(job, [
          { payload: `"${n} first"` },
          n % 2 === 0 ? { payload: `"${n} second"` } : { payload: `"${n} second"`, dependsOn: { jobIds: [-1] } },
        ]),
      )
      await t.settle(...settlements)
      const children = await t.store.listJobs({ jobType: 'child', limit: 100 })
      const ids = new Map(children.map(({ payload, id }) => [String(payload), id]))
      equal(ids.size, 40)
      for (const n of jobs.keys()) check((ids.get(`${n} first`) ?? 0) < (ids.get(`${n} second`) ?? 0), `order of ${n}`)
      equal((await t.claim(worker)).length, 30)
    },
  },
  {
    name: 'children wait for each other by place, and for the job that adds them by id',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const other = await t.add({ runAt: new Date(Date.now() + 3_600_000) })
      const job = await t.start(worker)
      const settlement = completedWith(job, [
        { dependsOn: { jobIds: [job.id] } },
        { dependsOn: { jobIds: [-1] } },
        { dependsOn: { jobIds: [-1, other] } },
      ])
      const { jobs } = await t.exchange(worker, { settlements: [settlement], limit: 10 })
      const ids = await childIds(t)
      equal(
        jobs.map(({ id }) => id),
        [ids[0]],
      )
      const [first] = jobs
      check(first !== undefined, 'the first child was claimed by the call that added it')
      await t.settle({ id: first.id, token: first.token, kind: 'completed' })
      equal(await t.claimIds(worker), [ids[1]])
      equal((await t.job(ids[2] ?? 0)).status, 'pending')
    },
  },
  {
    name: 'a child whose key is in use adds nothing, and the job completes',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const known = await t.add({ idempotencyKey: 'k', jobType: 'child' })
      equal(await t.settle(completedWith(job, [{ idempotencyKey: 'k' }, { idempotencyKey: 'l' }])), ['settled'])
      const ids = await childIds(t)
      equal([ids.length, ids[0]], [2, known])
    },
  },
  {
    name: 'a child that waits for a job which does not exist is refused, and nothing of the call takes effect',
    needs: ['children'],
    async run(t) {
      const worker = await t.worker()
      await t.addAll([{}, {}])
      const [job, other] = await t.claim(worker)
      check(job !== undefined && other !== undefined, 'both are claimed')
      const bad = completedWith(job, [{}, { dependsOn: { jobIds: [999_999_999] } }])
      const error: unknown = await t.settle(completedWith(other, [{}]), bad).catch((thrown: unknown) => thrown)
      check(String(error).includes('999999999'), 'the error names the job that does not exist')
      equal(await statuses(t, [job.id, other.id]), ['processing', 'processing'])
      equal(await childIds(t), [])
    },
  },
  {
    name: 'children of a completion in the transaction of its handler are committed or rolled back with it',
    needs: ['children', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const { id, token } = await t.start(worker)
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const children: NewJob[] = [{ jobType: 'child', payload: '{}' }]
      const complete = { id, token, keepCompleted: true, children }
      await transaction(async (db) => {
        equal(await t.store.completeIn({ ...complete, db }), 'settled')
        throw new Error('no')
      }).catch(() => undefined)
      equal(await childIds(t), [])
      await transaction((db) => t.store.completeIn({ ...complete, db }))
      equal((await childIds(t)).length, 1)
      equal((await t.job(id)).status, 'completed')
    },
  },
]

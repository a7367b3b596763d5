import type { NewJob } from '../store/enqueue.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { addAfter } from './dependents.ts'

const WORK = { jobType: 'work', payload: '{}' }

/** Settles `id` while a transaction that adds a dependent of it is open; resolves once both are committed. */
async function settleDuringAdd(
  t: Bench,
  id: number,
  settle: () => Promise<unknown>,
  job: Partial<NewJob> = {},
): Promise<number> {
  const { transaction } = t.target
  check(transaction !== undefined, 'the target has transactions')
  return transaction(async (db) => {
    const dependsOn = { jobIds: [id], ...job.dependsOn }
    const { ids } = await t.store.enqueue({ jobs: [{ ...WORK, ...job, dependsOn }], db })
    // Answers while the adder's transaction is open: it holds nothing that an end waits for.
    await settle()
    return ids[0] ?? 0
  })
}

export const dependencyRaceCases: readonly ConformanceCase[] = [
  {
    name: 'a completion does not wait for a transaction that adds a dependent, and the dependent is released',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const next = await settleDuringAdd(t, job.id, () => t.settle(completed(job)))
      equal(await t.claimIds(worker), [next])
    },
  },
  {
    name: 'a failure does not wait for a transaction that adds a dependent, and the dependent is cancelled',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const next = await settleDuringAdd(t, job.id, () => t.settle(failed(job)))
      await t.keepHouse(worker)
      equal((await t.job(next)).status, 'cancelled')
    },
  },
  {
    name: 'a dependent added in a transaction while its prerequisite completes and is cleaned up is released',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const next = await settleDuringAdd(t, job.id, () =>
        t.store.settle({ settlements: [completed(job)], keepCompleted: false }),
      )
      equal(await t.claimIds(worker), [next])
    },
  },
  {
    name: 'a dependent whose transaction is rolled back leaves nothing behind',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      await transaction(async (db) => {
        await t.store.enqueue({ jobs: [{ ...WORK, dependsOn: { jobIds: [job.id], tags: ['x'] } }], db })
        throw new Error('no')
      }).catch(() => undefined)
      await t.settle(completed(job))
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'a prerequisite that does not exist does not end the transaction of the caller',
    needs: ['caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const id = await transaction(async (db) => {
        const bad = t.store.enqueue({ jobs: [{ ...WORK, dependsOn: { jobIds: [999_999_999] } }], db })
        equal(await bad.catch((error: unknown) => Reflect.get(Object(error), 'code')), 'JOB_NOT_FOUND')
        return (await t.store.enqueue({ jobs: [WORK], db })).ids[0]
      })
      equal((await t.job(id ?? 0)).status, 'pending')
    },
  },
  {
    name: 'a tag barrier opens although its last job completes while the transaction that adds it is open',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { tags: ['a'] })
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const next = await transaction(async (db) => {
        const { ids } = await t.store.enqueue({ jobs: [{ ...WORK, dependsOn: { tags: ['a'] } }], db })
        await t.settle(completed(job))
        return ids[0]
      })
      equal(await t.claimIds(worker), [next])
    },
  },
  {
    name: 'a prerequisite whose end is not committed yet is waited for, and its end releases',
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const next = await transaction(async (db) => {
        // Whatever holds the row for long, such as a completion in the transaction of its handler.
        await t.target.lockJob?.(db, job.id)
        const added = await addAfter(t, [job.id])
        equal(await t.claimIds(worker), [])
        return added
      })
      await t.settle(completed(job))
      equal(await t.claimIds(worker), [next])
    },
  },
  ...[completed, failed].map((end): ConformanceCase => ({
    name: `a dependent added under an old snapshot learns that its prerequisite has ${end === completed ? 'completed' : 'failed'} since`,
    needs: ['concurrent-sessions', 'caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const next = await transaction(async (db) => {
        await db.query('set transaction isolation level repeatable read')
        // The snapshot of the whole transaction: from here on it sees a job that runs.
        await db.query('select count(*) from pg_class')
        await t.settle(end(job))
        const { ids } = await t.store.enqueue({ jobs: [{ ...WORK, dependsOn: { jobIds: [job.id] } }], db })
        return ids[0] ?? 0
      })
      const claimed = await t.claimIds(worker)
      equal([claimed, (await t.job(next)).status], end === completed ? [[next], 'processing'] : [[], 'cancelled'])
    },
  })),
  {
    name: 'many prerequisites that end at once release what they have in common exactly once',
    needs: ['concurrent-sessions'],
    async run(t) {
      const workers = await Promise.all(Array.from({ length: 8 }, () => t.worker()))
      for (let round = 0; round < 10; round++) {
        const ids = await t.addAll(Array.from({ length: 40 }, () => ({})))
        const all = await addAfter(t, ids)
        const some = await addAfter(t, ids.slice(0, 20))
        const after = await addAfter(t, [all, some])
        const claims = await Promise.all(workers.map((worker) => t.claim(worker, 5)))
        const adds = Promise.all([addAfter(t, ids), addAfter(t, [...ids.slice(30), all])])
        await Promise.all(claims.flat().map((job) => t.settle(completed(job))))
        const late = await adds
        const ran: number[] = []
        for (let tries = 0; ran.length < 5 && tries < 20; tries++) {
          const jobs = await t.claim(workers[round % 8] ?? 0)
          ran.push(...jobs.map(({ id }) => id))
          await t.settle(...jobs.map((job) => completed(job)))
        }
        equal(
          ran.toSorted((a, b) => a - b),
          [all, some, after, ...late].toSorted((a, b) => a - b),
        )
      }
    },
  },
  {
    name: 'more dependents than one call tells are told by the notes it leaves',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const ids = await t.addAll(Array.from({ length: 2500 }, () => ({ dependsOn: { jobIds: [job.id] } })))
      await t.settle(completed(job))
      const { blocked, ready: told } = await t.store.stats()
      equal([told, blocked], [1000, ids.length - 1000])
      let ready = told
      for (let calls = 0; ready < ids.length && calls < 10; calls++) {
        await t.keepHouse(worker)
        ;({ ready } = await t.store.stats())
      }
      equal(ready, ids.length)
    },
  },
  {
    name: 'a job that fails, is retried and completes tells each dependent of one end only',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { maxAttempts: 1 })
      await t.addAll(Array.from({ length: 1500 }, () => ({ dependsOn: { jobIds: [job.id] }, priority: -1 })))
      await t.settle(failed(job))
      await t.store.retry({ id: job.id })
      const again = await t.claimOne(worker)
      equal(again.id, job.id)
      await t.settle(completed(again))
      for (let calls = 0; calls < 4; calls++) await t.keepHouse(worker)
      equal((await t.store.stats()).byStatus.cancelled, 1500)
    },
  },
]

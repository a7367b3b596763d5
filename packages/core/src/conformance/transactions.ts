import { check, equal } from './assert.ts'
import { completed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

export const transactionCases: readonly ConformanceCase[] = [
  {
    name: 'a completion in a transaction takes effect with its commit, and is found when its reply was lost',
    needs: ['caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'this place has transactions')
      const worker = await t.worker()
      const job = await t.start(worker)
      equal(await t.store.findCompletion(job), 'open')
      await transaction(async (db) => {
        equal(await t.store.completeIn({ ...job, output: '"done"', keepCompleted: true, db }), 'settled')
        throw new Error('rolled back')
      }).catch(() => undefined)
      equal(await t.store.findCompletion(job), 'open')
      equal((await t.job(job.id)).status, 'processing')
      await transaction((db) => t.store.completeIn({ ...job, output: '"done"', keepCompleted: true, db }))
      equal(await t.store.findCompletion(job), 'completed')
      const { status, output } = await t.job(job.id)
      equal([status, output], ['completed', 'done'])
      equal([...(await t.settle(completed(job)))], ['settled'], 'sent again by whoever did not hear of it')
    },
  },
  {
    name: 'what a job depends on is read in a transaction of the caller as that sees it',
    needs: ['caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'this place has transactions')
      const worker = await t.worker()
      const first = await t.start(worker)
      const id = await t.add({ dependsOn: { jobIds: [first.id], names: ['first'] } })
      await transaction(async (db) => {
        equal(await t.store.completeIn({ ...first, output: '{"n":1}', keepCompleted: true, db }), 'settled')
        const [dependency] = (await t.store.listDependencies({ id, db })) ?? []
        equal([dependency?.status, dependency?.name, dependency?.output], ['completed', 'first', { n: 1 }])
        equal((await t.store.countDependencies({ id, db }))?.completed, 1)
        equal(await t.store.listDependencies({ id: first.id, db }), [])
        equal(await t.store.listDependencies({ id: id + 99, db }), null)
        throw new Error('rolled back')
      }).catch((error: unknown) => check(error instanceof Error && error.message === 'rolled back', String(error)))
      equal((await t.store.countDependencies({ id }))?.completed, 0)
    },
  },
  {
    name: 'neither a completion nor a step in a transaction of a stale attempt is taken',
    needs: ['caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'this place has transactions')
      const worker = await t.worker()
      const stale = await t.start(worker)
      await t.store.retry({ id: stale.id })
      const outcome = { kind: 'done', result: { text: '1', codec: 'json' } } as const
      const step = { key: 's:a', attempt: 1, tries: 1, durationMs: 0, outcome }
      await transaction(async (db) => {
        equal(await t.store.completeIn({ ...stale, keepCompleted: true, db }), 'lost')
        equal(await t.store.storeStep({ ...stale, step, db }), 'lost')
      })
      equal(await t.store.findCompletion(stale), 'lost')
      equal((await t.job(stale.id)).status, 'pending')
    },
  },
  {
    name: 'a look at a step waits for the transaction that may still store it',
    needs: ['caller-transactions', 'concurrent-sessions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'this place has transactions')
      const worker = await t.worker()
      const job = await t.start(worker)
      const outcome = { kind: 'done', result: { text: '1', codec: 'json' } } as const
      const step = { key: 's:a', attempt: 1, tries: 1, durationMs: 0, outcome }
      let found: Promise<string> = Promise.resolve('')
      await transaction(async (db) => {
        await t.store.storeStep({ ...job, step, db })
        found = t.store.findStep({ ...job, key: 's:a' })
        const first = await Promise.race([found, t.store.stats().then(() => 'undecided')])
        equal(first, 'undecided')
      })
      equal(await found, 'stored')
      equal(await t.store.findStep({ ...job, key: 's:b' }), 'absent')
    },
  },
]

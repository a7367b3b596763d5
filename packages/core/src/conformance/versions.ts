import { equal } from './assert.ts'
import { completed, failed, released, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

export const versionCases: readonly ConformanceCase[] = [
  {
    name: 'a job remembers the newest handler version of the worker that first started it',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add()
      equal((await t.job(id)).handlerVersion, null)
      const [job] = await t.claim(worker, 1, { versions: { work: [3, 2], other: [9] } })
      equal([job?.handlerVersion, (await t.job(id)).handlerVersion], [3, 3])
      await t.settle(completed({ id, token: job?.token ?? 0 }))
      equal((await t.job(id)).handlerVersion, 3)
    },
  },
  {
    name: 'a job of a type without versions has none, whoever runs it',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add()
      const [job] = await t.claim(worker, 1, { versions: { other: [2] } })
      equal([job?.id, job?.handlerVersion], [id, null])
      equal((await t.job(id)).handlerVersion, null)
    },
  },
  {
    name: 'a job that started under a version goes only to workers that can run it, by a sweep or by bounds',
    async run(t) {
      const worker = await t.worker()
      const id = await t.add()
      const [first] = await t.claim(worker, 1, { versions: { work: [2] } })
      await t.settle(retry({ id, token: first?.token ?? 0 }))
      await t.keepHouse(worker)
      const from = [{ priority: 0, fromSeq: 0 }]
      for (const versions of [undefined, { work: [1] }, { work: [3] }, { other: [2] }]) {
        const given = versions === undefined ? {} : { versions }
        equal(await t.claimIds(worker, 5, given), [])
        equal(await t.claimIds(worker, 5, { ...given, from }), [])
      }
      const [second] = await t.claim(worker, 5, { versions: { work: [3, 2] }, from })
      equal([second?.id, second?.handlerVersion, second?.attempt], [id, 2, 2])
    },
  },
  {
    name: 'a job that a worker cannot run does not keep it from those behind it',
    async run(t) {
      const worker = await t.worker()
      const stuck = await t.addAll([{}, {}, {}])
      for (const { id, token } of await t.claim(worker, 3, { versions: { work: [1] } }))
        await t.settle(retry({ id, token }))
      await t.keepHouse(worker)
      const [behind] = await t.addAll([{}])
      equal(await t.claimIds(worker, 2, { versions: { work: [2] } }), [behind])
      equal(new Set(await t.claimIds(worker, 5, { versions: { work: [1] } })), new Set(stuck))
    },
  },
  {
    name: 'a job that was only fetched begins anew under the next worker’s version; one that began does not',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll([{}, {}])
      const [fetched, begun] = await t.claim(worker, 2, { versions: { work: [1] } })
      await t.settle(
        { id: fetched?.id ?? 0, token: fetched?.token ?? 0, kind: 'released', isUnstarted: true },
        released({ id: begun?.id ?? 0, token: begun?.token ?? 0 }),
      )
      const jobs = await t.claim(worker, 2, { versions: { work: [2] } })
      equal(
        jobs.map((job) => [job.id, job.handlerVersion]),
        [[ids[0] ?? 0, 2]],
      )
      equal(await t.claimIds(worker, 2, { versions: { work: [1] } }), [ids[1] ?? 0])
    },
  },
  {
    name: 'the version survives a crash, a final failure and a retry',
    async run(t) {
      const worker = await t.worker()
      const [job] = await t.addAll([{ maxAttempts: 2 }])
      const id = job ?? 0
      await t.claim(worker, 1, { versions: { work: [4] } })
      await t.target.expireWorker(worker)
      const other = await t.worker()
      await t.keepHouse(other)
      equal(await t.claimIds(other, 1, { versions: { work: [5] } }), [])
      const [again] = await t.claim(other, 1, { versions: { work: [4] } })
      await t.settle(failed({ id, token: again?.token ?? 0 }))
      equal([(await t.job(id)).status, (await t.job(id)).handlerVersion], ['failed', 4])
      await t.store.retry({ id })
      equal(await t.claimIds(other, 1, { versions: { work: [5] } }), [])
      equal(await t.claimIds(other, 1, { versions: { work: [4] } }), [id])
    },
  },
]

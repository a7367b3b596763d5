import type { ClaimedJob } from '../store/claim.ts'
import { between, check, equal } from './assert.ts'
import { completed, released, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

export const workerCases: readonly ConformanceCase[] = [
  {
    name: 'a registered worker is listed with what it said of itself',
    async run(t) {
      const worker = await t.worker({
        workerId: "it's me",
        leaseMs: 10_000,
        concurrency: 4,
        groupConcurrency: 2,
        jobTypes: ['a', '{b}'],
        host: 'h',
        pid: 42,
        version: '1.2.3',
      })
      await t.add({ jobType: 'a' })
      await t.claimOne(worker)
      const [listed] = await t.store.listWorkers()
      check(listed, 'it is listed')
      const { startedAt, lastSeenAt, expiresAt, ...rest } = listed
      equal(
        { ...rest, jobTypes: [...(rest.jobTypes ?? [])] },
        {
          workerId: "it's me",
          concurrency: 4,
          groupConcurrency: 2,
          jobTypes: ['a', '{b}'],
          host: 'h',
          pid: 42,
          version: '1.2.3',
          running: 1,
        },
      )
      equal(startedAt, lastSeenAt)
      between(expiresAt.getTime() - startedAt.getTime(), 9_999, 10_001, 'the lease')
      await t.store.unregister({ worker })
      equal((await t.store.listWorkers()).length, 0)
    },
  },
  {
    name: 'every registration is a worker of its own, also under the same id',
    async run(t) {
      const [a, b] = [await t.worker({ workerId: 'same' }), await t.worker({ workerId: 'same' })]
      check(a !== b, 'the numbers differ')
      equal((await t.store.stats()).workers, 2)
    },
  },
  {
    name: 'a heartbeat extends the lease of a live worker, alone or within an exchange',
    async run(t) {
      const worker = await t.worker({ leaseMs: 2000 })
      equal(await t.store.heartbeat({ worker, leaseMs: 600_000 }), true)
      const left = async (): Promise<number> =>
        ((await t.store.listWorkers())[0]?.expiresAt.getTime() ?? 0) - Date.now()
      check((await left()) > 300_000, 'the lease is longer')
      equal((await t.exchange(worker, { heartbeatMs: 3_600_000 })).alive, true)
      check((await left()) > 1_800_000, 'the lease is longer still')
    },
  },
  {
    name: 'a heartbeat of a worker that was given up or has left answers false',
    async run(t) {
      const dead = await t.worker()
      const left = await t.worker()
      await t.target.expireWorker(dead)
      await t.store.unregister({ worker: left })
      await t.keepHouse(await t.worker())
      for (const worker of [dead, left]) {
        equal(await t.store.heartbeat({ worker, leaseMs: 60_000 }), false)
        equal((await t.exchange(worker, { heartbeatMs: 60_000 })).alive, false)
        equal((await t.keepHouse(worker)).alive, false)
      }
    },
  },
  {
    name: 'a worker that is late but not yet given up keeps its jobs by its next heartbeat',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.target.expireWorker(worker)
      equal(await t.store.heartbeat({ worker, leaseMs: 60_000 }), true)
      equal((await t.keepHouse(await t.worker())).rescued, 0)
      equal([...(await t.settle(completed(job)))], ['settled'])
    },
  },
  {
    name: 'all jobs of a silent worker are taken back at once, and their attempts are used up',
    async run(t) {
      const worker = await t.worker({ workerId: 'gone' })
      const live = await t.worker()
      await t.addAll([{}, {}, {}, {}])
      const [a, b, c, d] = await t.claim(worker, 3).then(async (jobs) => [...jobs, await t.claimOne(live)])
      check(a && b && c && d, 'four jobs run')
      await t.target.expireWorker(worker)
      equal((await t.keepHouse(live)).rescued, 3)
      equal((await t.keepHouse(live)).rescued, 0)
      const again = await t.claim(live)
      equal(
        again.map(({ id, attempt }) => [id, attempt]),
        [a, b, c].map(({ id }) => [id, 2]),
      )
      equal((await t.job(d.id)).attempts, 1)
      equal(await t.events(a.id), ['added', 'processing', 'reclaimed', 'processing'])
      equal(
        (await t.store.listWorkers()).map(({ workerId }) => workerId),
        ['bench'],
      )
    },
  },
  {
    name: 'a rescue is done once, however many nodes look at the same time',
    async run(t) {
      const dead = await Promise.all([t.worker(), t.worker(), t.worker()])
      for (const worker of dead) {
        await t.addAll([{}, {}, {}, {}])
        equal((await t.claim(worker)).length, 4)
      }
      const live = await Promise.all(Array.from({ length: 6 }, () => t.worker()))
      for (const worker of dead) await t.target.expireWorker(worker)
      const rescued = await Promise.all(live.map(async (worker) => (await t.keepHouse(worker)).rescued))
      equal(
        rescued.reduce((sum, count) => sum + count, 0),
        12,
      )
      equal((await t.claim(live[0] ?? 0)).length, 12)
    },
  },
  {
    name: 'a crash on the last attempt ends the job as a dead letter with the reason worker_lost',
    async run(t) {
      const worker = await t.worker({ workerId: 'gone' })
      const job = await t.start(worker, { maxAttempts: 1, deadLetterJobType: 'dead' })
      await t.target.expireWorker(worker)
      const live = await t.worker()
      equal((await t.keepHouse(live)).rescued, 1)
      const stored = await t.job(job.id)
      equal([stored.status, stored.failureReason, stored.nextAttemptAt], ['failed', 'worker_lost', null])
      equal([stored.errorHistory[0]?.reason, stored.errorHistory[0]?.workerId], ['worker_lost', 'gone'])
      const letter = await t.claimOne(live)
      equal([letter.id, letter.jobType], [stored.deadLetterJobId, 'dead'])
    },
  },
  {
    name: 'a job that has crashed five workers in a row is taken out of service',
    async run(t) {
      const id = await t.add({ maxAttempts: 1000 })
      const crash = async (): Promise<void> => {
        const worker = await t.worker()
        equal((await t.claimOne(worker)).id, id)
        await t.target.expireWorker(worker)
        await t.keepHouse(await t.worker())
      }
      for (let n = 0; n < 4; n++) await crash()
      equal((await t.job(id)).status, 'pending')
      await crash()
      const job = await t.job(id)
      equal([job.status, job.failureReason, job.attempts], ['failed', 'worker_lost', 5])
    },
  },
  {
    name: 'an attempt that ends by itself starts the count of crashes anew',
    async run(t) {
      const id = await t.add({ maxAttempts: 1000 })
      for (let n = 0; n < 8; n++) {
        const worker = await t.worker()
        const job = await t.claimOne(worker)
        if (n === 3) {
          await t.settle(retry(job))
          await t.keepHouse(worker)
        } else {
          await t.target.expireWorker(worker)
          await t.keepHouse(await t.worker())
        }
      }
      equal((await t.job(id)).status, 'pending')
    },
  },
  {
    name: 'a worker that leaves hands back what it holds without using up attempts',
    async run(t) {
      const worker = await t.worker()
      const [a, b, c] = await t.addAll([{ maxAttempts: 1 }, { groupId: 'g' }, {}])
      equal((await t.claim(worker, 2)).length, 2)
      await t.store.unregister({ worker })
      const live = await t.worker()
      equal(
        (await t.claim(live)).map(({ id, attempt }) => [id, attempt]).toSorted(([x = 0], [y = 0]) => x - y),
        [a, b, c].map((id) => [id, 1]),
      )
    },
  },
  {
    name: 'unregistering twice, or after a rescue, does no harm',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.target.expireWorker(worker)
      const live = await t.worker()
      await t.keepHouse(live)
      const again = await t.claimOne(live)
      equal(again.id, job.id)
      await t.store.unregister({ worker })
      await t.store.unregister({ worker })
      equal([...(await t.settle(completed(again)))], ['settled'])
    },
  },
  {
    name: 'a claim whose reply was lost is found again, with all that a claim tells',
    async run(t) {
      const worker = await t.worker()
      const other = await t.worker()
      await t.addAll([{ priority: 1, tags: ['x'], payload: '{"a":1}' }, { priority: 2 }, {}, {}])
      const lost = await t.claim(worker, 2)
      const known = await t.claim(worker, 1)
      await t.claim(other, 1)
      const found = await t.store.leased({ worker, known: known.map(({ token }) => token) })
      // The time of creation is text as each statement writes it.
      const instant = (jobs: readonly ClaimedJob[]): unknown =>
        jobs.map((job) => ({ ...job, createdAt: new Date(job.createdAt) }))
      equal(instant(found), instant(lost))
      equal((await t.store.leased({ worker, known: [] })).length, 3)
      await t.settle(...lost.map(released), ...known.map((job) => completed(job)))
      equal([...(await t.store.leased({ worker, known: [] }))], [])
    },
  },
  {
    name: 'a worker that finds itself given up claims nothing, in the same call that rescues it',
    async run(t) {
      const worker = await t.worker()
      await t.addAll([{}, {}])
      await t.claim(worker, 1)
      await t.target.expireWorker(worker)
      const answer = await t.exchange(worker, { limit: 5, housekeeping: true })
      equal([answer.alive, answer.jobs.length, answer.housekeeping?.rescued], [false, 0, 1])
      equal((await t.store.stats()).ready, 2)
    },
  },
]

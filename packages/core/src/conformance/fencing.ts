import type { ClaimedJob } from '../store/claim.ts'
import type { Settlement } from '../store/settle.ts'
import { check, equal } from './assert.ts'
import { type Bench, cancelled, completed, failed, released, retry, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const KINDS: Readonly<Record<string, (job: ClaimedJob) => Settlement>> = {
  'a completion': (job) => completed(job),
  'a completion with an output': (job) => completed(job, '"stale"'),
  'a retry': (job) => retry(job),
  'a final failure': (job) => failed(job),
  'a snooze': (job) => snoozed(job),
  'a release': (job) => released(job),
  'a cancellation': (job) => cancelled(job),
}

/** Ways to lose a lease. Each leaves the job alive with the first attempt stale. */
const LOSSES: Readonly<Record<string, (t: Bench, worker: number, job: ClaimedJob) => Promise<unknown>>> = {
  'its worker was given up for dead': async (t, worker) => {
    await t.target.expireWorker(worker)
    await t.keepHouse(await t.worker())
  },
  'a retry revoked it': (t, _worker, job) => t.store.retry({ id: job.id }),
  'its worker was unregistered': (t, worker) => t.store.unregister({ worker }),
}

/** Of a job, what a stale attempt could spoil. */
async function traces(t: Bench, id: number): Promise<unknown> {
  const { status, attempts, output, progress, errorHistory, nextAttemptAt, runAt, lockedBy } = await t.job(id)
  return {
    status,
    attempts,
    output,
    progress,
    errorHistory,
    nextAttemptAt,
    runAt,
    lockedBy,
    events: await t.events(id),
  }
}

function staleCase(kind: string, make: (job: ClaimedJob) => Settlement): ConformanceCase {
  return {
    name: `${kind} of a stale attempt is refused and changes nothing, before and after the next attempt begins`,
    async run(t) {
      const losses = Object.entries(LOSSES).filter(
        ([how]) => how !== 'its worker was unregistered' || kind !== 'a release',
      )
      for (const [how, lose] of losses) {
        await t.target.reset()
        const worker = await t.worker({ workerId: 'stale' })
        const stale = await t.start(worker, { maxAttempts: 5 })
        await lose(t, worker, stale)
        const ready = await traces(t, stale.id)
        equal([...(await t.settle(make(stale)))], ['lost'], `${how}, before the next attempt`)
        equal(await traces(t, stale.id), ready, how)
        const next = await t.worker({ workerId: 'next' })
        const current = await t.claimOne(next)
        equal(current.id, stale.id)
        const running = await traces(t, stale.id)
        equal([...(await t.settle(make(stale)))], ['lost'], `${how}, while the next attempt runs`)
        equal(await traces(t, stale.id), running, how)
        equal([...(await t.settle(completed(current, '"current"')))], ['settled'], how)
        equal([...(await t.settle(make(stale)))], ['lost'], `${how}, after the next attempt`)
        equal((await t.job(stale.id)).output, 'current')
      }
    },
  }
}

function repeatCase(kind: string, make: (job: ClaimedJob) => Settlement): ConformanceCase {
  return {
    name: `${kind} that is sent again because its reply was lost is settled again, without a second effect`,
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { maxAttempts: 5, deadLetterJobType: 'dead' })
      equal([...(await t.settle(make(job)))], ['settled'])
      const after = await traces(t, job.id)
      const stats = await t.store.stats()
      equal([...(await t.settle(make(job)))], ['settled'])
      equal([...(await t.exchange(worker, { settlements: [make(job)] })).settled], ['settled'])
      equal(await traces(t, job.id), after)
      equal((await t.store.stats()).byStatus, stats.byStatus)
    },
  }
}

export const fencingCases: readonly ConformanceCase[] = [
  ...Object.entries(KINDS).map(([kind, make]) => staleCase(kind, make)),
  ...Object.entries(KINDS).map(([kind, make]) => repeatCase(kind, make)),
  {
    name: 'progress and output of a stale attempt are refused and change nothing',
    async run(t) {
      const worker = await t.worker()
      const stale = await t.start(worker)
      await t.store.retry({ id: stale.id })
      const current = await t.claimOne(worker)
      await t.store.report({ reports: [{ ...current, progress: 1, output: '"current"' }] })
      const { id, token } = stale
      const reports = [
        { id, token, progress: 99 },
        { id, token, output: '"stale"' },
        { id, token, prolongedMs: 1 },
      ]
      for (const report of reports) equal([...(await t.store.report({ reports: [report] }))], ['lost'])
      const stored = await t.job(id)
      equal([stored.progress, stored.output], [1, 'current'])
      check(!(await t.events(id)).includes('prolonged'), 'nothing was recorded')
    },
  },
  {
    name: 'a report after the end of an attempt is refused',
    async run(t) {
      const job = await t.finish(await t.worker(), (claimed) => completed(claimed))
      equal([...(await t.store.report({ reports: [{ ...job, progress: 5 }] }))], ['lost'])
    },
  },
  {
    name: 'a settlement that was recorded is still known after later attempts and the end of the job',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker, { maxAttempts: 5 })
      await t.settle(retry(first))
      await t.keepHouse(worker)
      const second = await t.claimOne(worker)
      equal([...(await t.settle(retry(first)))], ['settled'])
      equal((await t.job(first.id)).status, 'processing')
      await t.settle(completed(second))
      equal([...(await t.settle(retry(first)))], ['settled'])
      equal((await t.job(first.id)).status, 'completed')
    },
  },
  {
    name: 'a late failure of an attempt whose crash ended the job is refused',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { maxAttempts: 1 })
      await t.target.expireWorker(worker)
      await t.keepHouse(await t.worker())
      equal((await t.job(job.id)).failureReason, 'worker_lost')
      for (const make of Object.values(KINDS)) equal([...(await t.settle(make(job)))], ['lost'])
      const stored = await t.job(job.id)
      equal([stored.failureReason, stored.errorHistory.length], ['worker_lost', 1])
    },
  },
  {
    name: 'a late settlement of an attempt that ended as cancelled with its worker is refused',
    async run(t) {
      for (const make of Object.values(KINDS)) {
        const worker = await t.worker()
        const job = await t.start(worker)
        await t.store.cancel({ id: job.id })
        await t.target.expireWorker(worker)
        await t.keepHouse(await t.worker())
        equal((await t.job(job.id)).status, 'cancelled')
        equal([...(await t.settle(make(job)))], ['lost'])
        equal((await t.job(job.id)).failureReason, null)
      }
    },
  },
  {
    name: 'settlements of unknown jobs are refused beside good ones',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const gone = { id: 123_456_789, token: job.token }
      equal([...(await t.settle(completed(gone), completed(job), failed(gone)))], ['lost', 'settled', 'lost'])
    },
  },
  {
    name: 'a wrong token of the right job is refused',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      for (const make of Object.values(KINDS))
        equal([...(await t.settle(make({ ...job, token: job.token + 1 })))], ['lost'])
      equal((await t.job(job.id)).status, 'processing')
    },
  },
  {
    name: 'a batch that holds a job under two tokens answers for each, with history and without',
    async run(t) {
      const kinds = [completed, (job: ClaimedJob) => completed(job, '1'), retry, failed, released, snoozed, cancelled]
      const pairs = kinds.flatMap((make) => kinds.map((late) => ({ make, late })))
      for (const keepCompleted of [true, false]) {
        await t.target.reset()
        const own = await t.worker()
        await t.addAll(pairs.map(() => ({})))
        const stale = await t.claim(own)
        for (const { id } of stale) await t.store.retry({ id })
        const current = new Map((await t.claim(own)).map((job) => [job.id, job]))
        const settlements = pairs.flatMap(({ make, late }, n) => {
          const job = stale[n]
          const again = job && current.get(job.id)
          return job === undefined || again === undefined ? [] : [late(job), make(again)]
        })
        equal(settlements.length, 2 * pairs.length)
        equal(
          [...(await t.store.settle({ settlements, keepCompleted }))],
          pairs.flatMap(() => ['lost', 'settled']),
        )
      }
    },
  },
  {
    name: 'reports of a job under two tokens are answered for each',
    async run(t) {
      const worker = await t.worker()
      const stale = await t.start(worker)
      await t.store.retry({ id: stale.id })
      const current = await t.claimOne(worker)
      const reports = [stale, current].map(({ id, token }, n) => ({ id, token, progress: n }))
      equal([...(await t.store.report({ reports }))], ['lost', 'settled'])
      equal((await t.job(stale.id)).progress, 1)
    },
  },
]

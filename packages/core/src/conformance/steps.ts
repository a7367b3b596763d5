import type { ClaimedJob } from '../store/claim.ts'
import type { NewStep } from '../store/steps.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed, released, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

function done(name: string, text = '1', tries = 1): NewStep {
  const outcome = { kind: 'done', result: { text, codec: 'json' } } as const
  return { key: `s:${name}`, attempt: 1, tries, durationMs: 5, outcome }
}

function store(t: Bench, { id, token }: Pick<ClaimedJob, 'id' | 'token'>, step: NewStep): Promise<'settled' | 'lost'> {
  return t.store.storeStep({ id, token, step })
}

async function names(t: Bench, { id, token }: ClaimedJob): Promise<string[]> {
  const steps = await t.store.loadSteps({ id, token })
  check(steps !== 'lost', 'the lease holds')
  return steps.map(({ key, status, result }) => `${key} ${status} ${result?.text ?? '-'}`)
}

export const stepCases: readonly ConformanceCase[] = [
  {
    name: 'steps are loaded in the order in which they ended, by the next attempt as by this one',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      equal(job.isAgain, undefined)
      equal(await names(t, job), [])
      for (const name of ['b', 'a', 'c']) equal(await store(t, job, done(name, `"${name}"`)), 'settled')
      const expected = ['s:b done "b"', 's:a done "a"', 's:c done "c"']
      equal(await names(t, job), expected)
      await t.settle(retry(job))
      await t.keepHouse(worker)
      const next = await t.claimOne(worker)
      equal(next.isAgain, true)
      equal(await names(t, next), expected)
    },
  },
  {
    name: 'a step sent again because its reply was lost is stored once, and a done step stays as it is',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      equal(await store(t, job, done('a', '1')), 'settled')
      equal(await store(t, job, done('a', '2')), 'settled')
      equal(await names(t, job), ['s:a done 1'])
    },
  },
  {
    name: 'a failed step keeps its error when it is done later, and counts its tries',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const outcome = { kind: 'failed', error: '{"message":"no"}' } as const
      equal(await store(t, job, { ...done('a'), outcome }), 'settled')
      equal(await names(t, job), ['s:a failed -'])
      await store(t, job, done('a'))
      const [step] = await t.store.listSteps({ id: job.id })
      equal([step?.status, step?.tries, step?.error], ['done', 2, { message: 'no' }])
    },
  },
  {
    name: 'a stale attempt can neither store, load nor await, and changes nothing',
    async run(t) {
      const worker = await t.worker()
      const stale = await t.start(worker, { maxAttempts: 5 })
      await store(t, stale, done('before'))
      await t.target.expireWorker(worker)
      const other = await t.worker()
      await t.keepHouse(other)
      for (const when of ['before the next attempt', 'while it runs']) {
        equal(await store(t, stale, done('late')), 'lost', when)
        equal(await t.store.loadSteps(stale), 'lost', when)
        equal(await t.store.findStep({ ...stale, key: 's:late' }), 'lost', when)
        const wait = {
          key: 'p:0',
          kind: 'time',
          attempt: 1,
          until: { delayMs: 5 },
          awaited: null,
          filter: null,
        } as const
        equal(await t.store.openWait({ ...stale, wait }), 'lost', when)
        const token = { tokenId: 'wp_late', timeoutMs: null, tags: null, key: 'k:0' }
        equal(await t.store.createJobToken({ ...stale, ...token }), 'lost', when)
        equal((await t.store.listSteps({ id: stale.id })).length, 1, when)
        if (when !== 'while it runs') await t.claimOne(other)
      }
    },
  },
  {
    name: 'a released job keeps the steps of its first attempt',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await store(t, job, done('a'))
      await t.settle(released(job))
      const again = await t.claimOne(worker)
      equal([again.attempt, again.isAgain], [1, true])
      equal(await names(t, again), ['s:a done 1'])
    },
  },
  {
    name: 'a crash after a finished step does not count towards the five in a row, one after a failed step does',
    async run(t) {
      const crash = async (step: NewStep): Promise<void> => {
        const worker = await t.worker()
        equal(await store(t, await t.claimOne(worker), step), 'settled')
        await t.target.expireWorker(worker)
        await t.keepHouse(await t.worker())
      }
      const id = await t.add({ maxAttempts: 1000 })
      for (let n = 0; n < 12; n++) await crash(done(`step ${n}`))
      equal((await t.job(id)).status, 'pending')
      const outcome = { kind: 'failed', error: '{"message":"no"}' } as const
      for (let n = 0; n < 4; n++) await crash({ ...done('stuck'), outcome })
      equal((await t.job(id)).status, 'pending')
      await crash({ ...done('stuck'), outcome })
      const job = await t.job(id)
      equal([job.status, job.failureReason, job.attempts], ['failed', 'worker_lost', 17])
    },
  },
  {
    name: 'steps outlive the failure of their job and its retry, and go with a completed job by retention',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { maxAttempts: 1 })
      await store(t, job, done('a'))
      await t.settle(failed(job))
      equal((await t.job(job.id)).stepData, { a: { __completed: true, result: 1 } })
      await t.store.retry({ id: job.id })
      const again = await t.claimOne(worker)
      equal(await names(t, again), ['s:a done 1'])
      await t.settle(completed(again))
      equal((await t.job(job.id)).stepData, undefined)
      equal((await t.store.listSteps({ id: job.id })).length, 1)
      await t.target.ageFinished(job.id, 40)
      equal(await t.store.cleanupJobs({ daysToKeep: 30, batch: 10 }), 1)
      equal((await t.store.listSteps({ id: job.id })).length, 0)
    },
  },
  {
    name: 'where no history is kept, steps, tokens and signals go with the completion',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await store(t, job, done('a'))
      await t.store.createJobToken({ ...job, tokenId: 'wp_mine', timeoutMs: null, tags: null, key: 'k:0' })
      await t.store.signalJob({ id: job.id, name: 'x', data: { text: '1', codec: 'json' } })
      const settlement = { ...completed(job), hasSteps: true } as const
      equal([...(await t.store.settle({ settlements: [settlement], keepCompleted: false }))], ['settled'])
      equal((await t.store.listSteps({ id: job.id })).length, 0)
      equal(await t.store.getToken({ tokenId: 'wp_mine' }), null)
    },
  },
  {
    name: 'where no history is kept, a signal that nobody came to await goes with the completion',
    async run(t) {
      const worker = await t.worker()
      const jobs = [await t.start(worker), await t.start(worker), await t.start(worker)]
      for (const { id } of jobs) await t.store.signalJob({ id, name: 'x', data: { text: '1', codec: 'json' } })
      const [plain, withOutput, other] = jobs
      check(plain && withOutput && other, 'three jobs run')
      const settlements = [completed(plain), completed(withOutput, '1')]
      equal([...(await t.store.settle({ settlements, keepCompleted: false }))], ['settled', 'settled'])
      // In one statement, under two tokens.
      const more = await t.start(worker)
      await t.store.signalJob({ id: more.id, name: 'x', data: { text: '1', codec: 'json' } })
      await t.store.settle({ settlements: [completed(other), completed(more)], keepCompleted: false })
      equal(await t.store.checkInvariants(), [])
    },
  },
  {
    name: 'many steps of one job can be stored at the same time',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const all = Array.from({ length: 50 }, (_, index) => `s${index}`)
      const results = await Promise.all(all.map((name) => store(t, job, done(name))))
      equal([...new Set(results)], ['settled'])
      equal((await names(t, job)).length, 50)
    },
  },
]

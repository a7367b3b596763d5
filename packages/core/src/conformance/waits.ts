import type { ClaimedJob } from '../store/claim.ts'
import type { Settlement } from '../store/settle.ts'
import type { NewWait, StoredStep } from '../store/steps.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR = 3_600_000

export function waitOf(kind: NewWait['kind'], fields: Partial<NewWait> = {}): NewWait {
  return { key: 'p:0', kind, attempt: 1, until: null, awaited: null, filter: null, ...fields }
}

/** Comes to a wait that is there. */
export async function open(t: Bench, { id, token }: ClaimedJob, wait: NewWait): Promise<StoredStep> {
  const opened = await t.store.openWait({ id, token, wait })
  check(typeof opened !== 'string', `a wait is opened, not ${JSON.stringify(opened)}`)
  return opened
}

export function waiting({ id, token }: ClaimedJob, ...waits: readonly string[]): Settlement {
  return { id, token, kind: 'waiting', waits: waits.length === 0 ? ['p:0'] : waits }
}

/** Adds a job whose handler waits. */
export async function suspend(t: Bench, worker: number, wait: NewWait): Promise<ClaimedJob> {
  const job = await t.start(worker)
  await open(t, job, wait)
  equal([...(await t.settle(waiting(job, wait.key)))], ['settled'])
  return job
}

async function reload(t: Bench, { id, token }: ClaimedJob): Promise<readonly StoredStep[]> {
  const steps = await t.store.loadSteps({ id, token })
  check(steps !== 'lost', 'the lease holds')
  return steps
}

export const waitCases: readonly ConformanceCase[] = [
  {
    name: 'a job that waits holds no attempt, worker or lease, says until when, and is not claimed before',
    async run(t) {
      const worker = await t.worker()
      const { id } = await suspend(t, worker, waitOf('time', { until: { delayMs: HOUR } }))
      const job = await t.job(id)
      equal([job.status, job.attempts, job.lockedBy, job.waitTokenId], ['waiting', 0, null, null])
      const inMs = (job.waitUntil?.getTime() ?? 0) - Date.now()
      check(inMs > HOUR - 60_000 && inMs < HOUR + 60_000, `it waits for an hour, not ${inMs} ms`)
      equal(await t.events(id), ['added', 'processing', 'waiting'])
      equal((await t.store.stats()).byStatus.waiting, 1)
      equal((await t.store.listJobs({ status: 'waiting', limit: 10 })).length, 1)
      await t.keepHouse(worker)
      equal((await t.claim(worker)).length, 0)
    },
  },
  {
    name: 'a timed wait that is over is claimed as the same attempt, with its progress and output',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { maxAttempts: 1 })
      await t.store.report({ reports: [{ id: job.id, token: job.token, progress: 40, output: '"so far"' }] })
      await open(t, job, waitOf('time', { until: { delayMs: 1 } }))
      await t.settle(waiting(job))
      await t.pass(1)
      await t.keepHouse(worker)
      const again = await t.claimOne(worker)
      equal([again.attempt, again.isAgain], [1, true])
      const record = await t.job(job.id)
      equal([record.progress, record.output, record.waitUntil], [40, 'so far', null])
      equal(
        (await reload(t, again)).map(({ key, status }) => [key, status]),
        [['p:0', 'done']],
      )
      equal([...(await t.settle(completed(again)))], ['settled'])
    },
  },
  {
    name: 'of several waits the first that is over wakes the job, and the others go on',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await open(t, job, waitOf('time', { until: { delayMs: HOUR } }))
      await open(t, job, waitOf('time', { key: 'p:1', until: { delayMs: 1 } }))
      await t.settle(waiting(job, 'p:0', 'p:1'))
      await t.pass(1)
      await t.keepHouse(worker)
      const again = await t.claimOne(worker)
      equal(
        (await reload(t, again)).map(({ key, status }) => [key, status]),
        [
          ['p:1', 'done'],
          ['p:0', 'pending'],
        ],
      )
      await t.settle(waiting(again, 'p:0'))
      equal((await t.job(job.id)).status, 'waiting')
    },
  },
  {
    name: 'what was over when the wait was stored makes the job ready at once',
    async run(t) {
      const worker = await t.worker()
      await suspend(t, worker, waitOf('time', { until: { at: new Date(0) } }))
      equal((await t.claim(worker)).length, 1)
    },
  },
  {
    name: 'a wait that the handler did not come to again is forgotten',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await open(t, job, waitOf('time', { key: 'p:a/0', until: { delayMs: HOUR } }))
      await open(t, job, waitOf('time', { until: { delayMs: 2 * HOUR } }))
      await t.settle(waiting(job))
      equal(
        (await t.store.listSteps({ id: job.id })).map(({ key }) => key),
        ['p:0'],
      )
    },
  },
  {
    name: 'a waiting job is cancelled at once, and edits, retries and bulk cancels leave it alone',
    async run(t) {
      const worker = await t.worker()
      const { id } = await suspend(t, worker, waitOf('time', { until: { delayMs: HOUR } }))
      equal(await t.store.edit({ id, changes: { priority: 5 } }), 'unchanged')
      equal(await t.store.retry({ id }), 'unchanged')
      equal([...(await t.store.cancelMany({ filter: {} }))], [])
      equal(await t.store.cancel({ id }), 'changed')
      const { status, waitUntil } = await t.job(id)
      equal([status, waitUntil], ['cancelled', null])
    },
  },
  {
    name: 'an attempt that was asked to cancel ends as cancelled instead of waiting',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await open(t, job, waitOf('time', { until: { delayMs: HOUR } }))
      await t.store.cancel({ id: job.id })
      equal([...(await t.settle(waiting(job)))], ['settled'])
      equal((await t.job(job.id)).status, 'cancelled')
    },
  },
  {
    name: 'a waiting job gives up its place in its group, and asks for one when it resumes',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const first = await t.start(worker, { groupId: 'g' })
      const second = await t.add({ groupId: 'g' })
      equal((await t.claim(worker)).length, 0)
      await open(t, first, waitOf('signal', { awaited: 'signal:go' }))
      await t.settle(waiting(first))
      const next = await t.claimOne(worker)
      equal(next.id, second)
      await t.store.signalJob({ id: first.id, name: 'go', data: { text: '1', codec: 'json' } })
      equal((await t.claim(worker)).length, 0)
      await t.settle(completed(next))
      equal((await t.claimOne(worker)).id, first.id)
    },
  },
  {
    name: 'a suspension of a stale attempt is refused; one sent again because its reply was lost is settled',
    async run(t) {
      const worker = await t.worker()
      const job = await suspend(t, worker, waitOf('time', { until: { delayMs: 1 } }))
      equal([...(await t.settle(waiting(job)))], ['settled'])
      await t.pass(1)
      await t.keepHouse(worker)
      const again = await t.claimOne(worker)
      equal([...(await t.settle(snoozed(job)))], ['lost'])
      equal([...(await t.settle(completed(again)))], ['settled'])
      equal(await t.events(job.id), ['added', 'processing', 'waiting', 'processing', 'completed'])
    },
  },
  {
    name: 'a signal ends the first wait of its name, sent before or after; two end two waits in order',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const send = (data: string): Promise<unknown> =>
        t.store.signalJob({ id: job.id, name: 'go', data: { text: data, codec: 'json' } })
      await send('1')
      const first = await open(t, job, waitOf('signal', { awaited: 'signal:go' }))
      equal([first.status, first.result?.text], ['done', '1'])
      equal((await open(t, job, waitOf('signal', { key: 'p:1', awaited: 'signal:go' }))).status, 'pending')
      await send('2')
      await t.settle(waiting(job, 'p:1'))
      const again = await t.claimOne(worker)
      equal(
        (await reload(t, again)).map(({ result }) => result?.text),
        ['1', '2'],
      )
      await open(t, again, waitOf('signal', { key: 'p:2', awaited: 'signal:go' }))
      await t.settle(waiting(again, 'p:2'))
      equal((await t.job(job.id)).waitTokenId, 'signal:go')
      equal(await send('3'), 'changed')
      const third = await t.claimOne(worker)
      equal(
        (await reload(t, third)).map(({ result }) => result?.text),
        ['1', '2', '3'],
      )
      await t.settle(completed(third))
      equal(await send('4'), 'unchanged')
      equal(await t.store.signalJob({ id: job.id + 99, name: 'go', data: { text: '1', codec: 'json' } }), 'not_found')
    },
  },
  {
    name: 'a limited wait gives up when its time has passed',
    async run(t) {
      const worker = await t.worker()
      await suspend(t, worker, waitOf('signal', { awaited: 'signal:never', until: { delayMs: 1 } }))
      await t.pass(1)
      await t.keepHouse(worker)
      const again = await t.claimOne(worker)
      equal(
        (await reload(t, again)).map(({ status, isTimedOut }) => [status, isTimedOut]),
        [['done', true]],
      )
    },
  },
  {
    name: 'an event ends every stored wait whose filter its data contains, and no other',
    async run(t) {
      const worker = await t.worker()
      const send = (data: string): Promise<number> =>
        t.store.sendEvent({ name: 'paid', data: { text: data, codec: 'json' } })
      equal(await send('{"order":1}'), 0)
      const one = await suspend(t, worker, waitOf('event', { awaited: 'event:paid', filter: '{"order":1}' }))
      const any = await suspend(t, worker, waitOf('event', { awaited: 'event:paid' }))
      await suspend(t, worker, waitOf('event', { awaited: 'event:paid', filter: '{"order":2}' }))
      equal(await send('{"order":1,"by":"card"}'), 2)
      equal(
        (await t.claimIds(worker)).sort((a, b) => a - b),
        [one.id, any.id],
      )
    },
  },
  {
    name: 'an event sent between the wait and the suspension is not lost',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await open(t, job, waitOf('event', { awaited: 'event:e' }))
      equal(await t.store.sendEvent({ name: 'e', data: { text: '7', codec: 'json' } }), 1)
      await t.settle(waiting(job))
      const again = await t.claimOne(worker)
      equal(
        (await reload(t, again)).map(({ result }) => result?.text),
        ['7'],
      )
    },
  },
]

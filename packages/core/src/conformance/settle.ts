import { between, check, equal } from './assert.ts'
import { cancelled, completed, failed, released, retry, snoozed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

export const settleCases: readonly ConformanceCase[] = [
  {
    name: 'a completed job is history, with its output and the times of its life',
    async run(t) {
      const worker = await t.worker()
      const { id } = await t.finish(worker, (job) => completed(job, '{"sum":3}'))
      const job = await t.job(id)
      equal([job.status, job.attempts, job.nextAttemptAt, job.lockedBy], ['completed', 1, null, null])
      equal(job.output, { sum: 3 })
      check(job.startedAt && job.completedAt && job.completedAt >= job.startedAt, 'it ended after it started')
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'completions in one call may come from several claims and have outputs or not',
    async run(t) {
      const worker = await t.worker()
      const jobs = [await t.start(worker), await t.start(worker), await t.start(worker)]
      const results = await t.settle(...jobs.map((job, n) => (n === 1 ? completed(job, '[]') : completed(job))))
      equal([...results], ['settled', 'settled', 'settled'])
      const outputs = await Promise.all(jobs.map(async ({ id }) => (await t.job(id)).output))
      equal(outputs, [null, [], null])
    },
  },
  {
    name: 'an output reported while the job ran stays unless the completion brings another',
    async run(t) {
      const worker = await t.worker()
      const kept = await t.start(worker)
      await t.store.report({ reports: [{ ...kept, output: '"early"' }] })
      await t.settle(completed(kept))
      const replaced = await t.start(worker)
      await t.store.report({ reports: [{ ...replaced, output: '"early"' }] })
      await t.settle(completed(replaced, '"late"'))
      equal([(await t.job(kept.id)).output, (await t.job(replaced.id)).output], ['early', 'late'])
    },
  },
  {
    name: 'an output of null replaces an earlier one',
    async run(t) {
      const worker = await t.worker()
      const reported = await t.start(worker)
      await t.store.report({ reports: [{ ...reported, output: '1' }] })
      await t.store.report({ reports: [{ ...reported, output: 'null' }] })
      equal((await t.job(reported.id)).output, null)
      const returned = await t.start(worker)
      await t.store.report({ reports: [{ ...returned, output: '1' }] })
      await t.settle(completed(returned, 'null'))
      equal((await t.job(returned.id)).output, null)
    },
  },
  {
    name: 'reports store the latest progress and output, and a prolongation is an event',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const { id, token } = job
      equal([...(await t.store.report({ reports: [{ id, token, progress: 10 }] }))], ['settled'])
      equal([...(await t.store.report({ reports: [{ id, token, progress: 60, output: '{"a":1}' }] }))], ['settled'])
      equal([...(await t.store.report({ reports: [{ id, token, prolongedMs: 5000 }] }))], ['settled'])
      const stored = await t.job(id)
      equal([stored.progress, stored.output], [60, { a: 1 }])
      equal(await t.events(id), ['added', 'processing', 'prolonged'])
    },
  },
  {
    name: 'a new attempt starts without the progress and output of the one before',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.store.report({ reports: [{ ...job, progress: 50, output: '1' }] })
      await t.settle(retry(job))
      await t.keepHouse(worker)
      await t.claimOne(worker)
      const stored = await t.job(job.id)
      equal([stored.progress, stored.output], [null, null])
    },
  },
  {
    name: 'a retry waits for its delay, failed with a next attempt, and keeps its error',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => retry(claimed, 120_000, 'no network'))
      const stored = await t.job(job.id)
      equal([stored.status, stored.attempts, stored.failureReason], ['failed', 1, 'handler_error'])
      equal(
        stored.errorHistory.map(({ message }) => message),
        ['no network'],
      )
      check(stored.lastFailedAt && stored.nextAttemptAt, 'both times are set')
      equal(stored.nextAttemptAt.getTime() - stored.lastFailedAt.getTime(), 120_000)
      equal((await t.keepHouse(worker)).promoted, 0)
      between((await t.keepHouse(worker)).nextDueMs, 60_000, 120_000, 'the time until the retry')
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'attempts count up with every retry until the job completes',
    async run(t) {
      const worker = await t.worker()
      await t.add({ maxAttempts: 3 })
      for (const attempt of [1, 2]) {
        const job = await t.claimOne(worker)
        equal(job.attempt, attempt)
        await t.settle(retry(job, 0, `failure ${attempt}`))
        equal((await t.keepHouse(worker)).promoted, 1)
      }
      const last = await t.claimOne(worker)
      equal([last.attempt, (await t.job(last.id)).nextAttemptAt], [3, null])
      await t.settle(completed(last))
      const stored = await t.job(last.id)
      equal([stored.status, stored.attempts, stored.failureReason], ['completed', 3, null])
      equal(
        stored.errorHistory.map(({ message }) => message),
        ['failure 1', 'failure 2'],
      )
    },
  },
  {
    name: 'a final failure rests as a dead letter with its error, whatever attempts are left',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => failed(claimed, 'broken'))
      const stored = await t.job(job.id)
      equal([stored.status, stored.nextAttemptAt, stored.attempts], ['failed', null, 1])
      equal(stored.errorHistory[0]?.message, 'broken')
      equal([stored.deadLetterJobId, stored.deadLetteredAt], [null, null])
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'a final failure of a job with a dead letter type makes a job of that type with everything about it',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => failed(claimed, 'broken'), {
        payload: '{"to":"a@b.c"}',
        maxAttempts: 1,
        deadLetterJobType: 'dead',
        tags: ['x'],
        tenantId: 't',
      })
      const stored = await t.job(job.id)
      check(stored.deadLetterJobId !== null && stored.deadLetteredAt !== null, 'the letter is linked')
      const letter = await t.claimOne(worker)
      equal([letter.id, letter.jobType, letter.maxAttempts], [stored.deadLetterJobId, 'dead', 1])
      equal([letter.tags, letter.tenantId], [['x'], 't'])
      const envelope = JSON.parse(letter.payload) as Record<string, Record<string, unknown>>
      equal(envelope['originalJob'], { id: job.id, jobType: 'work', attempts: 1, maxAttempts: 1 })
      equal(envelope['originalPayload'] as unknown, { to: 'a@b.c' })
      equal([envelope['failure']?.['message'], envelope['failure']?.['reason']], ['broken', 'handler_error'])
    },
  },
  {
    name: 'a retry of the last attempt ends the job: nothing runs more often than it may',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => retry(claimed, 0, 'one too many'), {
        maxAttempts: 1,
        deadLetterJobType: 'dead',
      })
      const stored = await t.job(job.id)
      equal([stored.status, stored.nextAttemptAt, stored.errorHistory[0]?.message], ['failed', null, 'one too many'])
      check(stored.deadLetterJobId !== null, 'it is a dead letter')
      equal([...(await t.settle(retry(job)))], ['settled'])
      const cancelledJob = await t.start(worker, { maxAttempts: 1, priority: 1 })
      await t.store.cancel({ id: cancelledJob.id })
      await t.settle(retry(cancelledJob))
      equal((await t.job(cancelledJob.id)).status, 'cancelled')
    },
  },
  {
    name: 'a snoozed job runs again after its delay with the attempt given back',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, (claimed) => snoozed(claimed, 60_000), { maxAttempts: 1 })
      const stored = await t.job(job.id)
      equal([stored.status, stored.attempts, stored.nextAttemptAt], ['pending', 0, null])
      check(stored.runAt.getTime() > Date.now() + 30_000, 'its time is in the future')
      equal((await t.keepHouse(worker)).promoted, 0)
      const soon = await t.finish(worker, (claimed) => snoozed(claimed, 0), { maxAttempts: 1 })
      equal((await t.keepHouse(worker)).promoted, 1)
      equal((await t.claimOne(worker)).attempt, 1)
      equal((await t.job(soon.id)).attempts, 1)
    },
  },
  {
    name: 'a released job is ready again at once, in its old place, with the attempt given back',
    async run(t) {
      const worker = await t.worker()
      const [a, b, c] = await t.addAll([{ maxAttempts: 1 }, {}, {}])
      const [first, second] = await t.claim(worker, 2)
      check(first && second, 'two jobs were claimed')
      equal([...(await t.settle(released(second), released(first)))], ['settled', 'settled'])
      const stored = await t.job(first.id)
      equal([stored.status, stored.attempts, stored.startedAt], ['pending', 0, null])
      equal(await t.claimIds(worker), [a, b, c])
    },
  },
  {
    name: 'a cancelled settlement ends the job as cancelled',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      equal(await t.store.cancel({ id: job.id }), 'requested')
      equal([...(await t.settle(cancelled(job)))], ['settled'])
      const stored = await t.job(job.id)
      equal([stored.status, stored.lastCancelledAt !== null], ['cancelled', true])
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'without history a completed job leaves nothing behind, and all else is kept',
    async run(t) {
      const worker = await t.worker()
      await t.addAll([{}, {}, {}])
      const [a, b, c] = await t.claim(worker)
      check(a && b && c, 'three jobs were claimed')
      const results = await t.store.settle({
        settlements: [completed(a), completed(b, '1'), failed(c)],
        keepCompleted: false,
      })
      equal([...results], ['settled', 'settled', 'settled'])
      equal([await t.store.getJob({ id: a.id }), await t.store.getJob({ id: b.id })], [null, null])
      equal((await t.job(c.id)).status, 'failed')
    },
  },
  {
    name: 'a hundred settlements of every kind in one call each have their effect',
    async run(t) {
      const worker = await t.worker()
      await t.addAll(Array.from({ length: 100 }, (_, n) => ({ groupId: `g${n % 3}` })))
      const jobs = await t.claim(worker, 100)
      const kinds = [completed, retry, failed, snoozed, released]
      const results = await t.settle(...jobs.map((job, n) => (kinds[n % 5] ?? completed)(job)))
      check(results.length === 100 && results.every((result) => result === 'settled'), 'all are settled')
      const { byStatus } = await t.store.stats()
      equal([byStatus.completed, byStatus.failed, byStatus.pending, byStatus.processing], [20, 40, 40, 0])
    },
  },
]

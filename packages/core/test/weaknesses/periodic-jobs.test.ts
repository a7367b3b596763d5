import { describe, expect, test } from 'vitest'
import { anyPayload, defineJobs, defineSchedules } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

/**
 * What periodic jobs by a timer in every process and a lock in the database get wrong, as far as it is the timer's fault: what
 * schedules are for. Numbers as in docs/internals/weaknesses.md; the lock's are in integrations/orms/locks.test.ts.
 */
describe.skipIf(SERVER_URL === undefined)('periodic jobs', () => {
  const jobs = (handler: () => unknown = () => undefined) =>
    defineJobs({ nightly: { payload: anyPayload<null>(), handler } })
  const NIGHTLY = { cronExpression: '0 0 * * *', jobType: 'nightly', payload: null } as const

  test('2c 4: a run that failed is tried again long before the next tick, and ticks missed while all were down are caught up', async () => {
    const lab = await openLab()
    let runs = 0
    const defined = jobs(() => {
      runs += 1
      if (runs === 1) throw new Error('no network')
    })
    const schedules = defineSchedules(defined, { nightly: { ...NIGHTLY, retryDelay: 0 } })
    const queue = lab.definedQueue(defined, { schedules })
    await queue.reconcileSchedules()
    // Three nights during which nobody was there.
    await lab.sql(`update "${lab.schema}".schedules set next_run_at = next_run_at - interval '3 days'`)
    const missed = await lab.sql(`select next_run_at from "${lab.schema}".schedules`)
    await using processor = queue.createProcessor(undefined, { heartbeat: 'main', pollInterval: 50 })
    processor.startInBackground()
    const [job] = await poll(async () => {
      const completed = await queue.getJobs({ status: 'completed' })
      return completed.length > 0 && completed
    }).then((completed) => completed || [])
    expect(job).toMatchObject({ attempts: 2, errorHistory: [expect.objectContaining({ message: 'no network' })] })
    // One for the nights missed, for the latest of them; the next tick is the coming night's.
    expect(await queue.getJobs()).toHaveLength(1)
    expect(Number(job?.schedule?.tick) - Number(missed[0]?.['next_run_at'])).toBe(2 * 86_400_000)
    await lab.check()
  })

  test('2c 5: of many processes that all declare and work the same schedule, one runs each tick', async () => {
    const lab = await openLab()
    const ticks: string[] = []
    const everyMs = 400
    const defined = defineJobs({
      nightly: {
        payload: anyPayload<null>(),
        handler: (_payload, _signal, ctx) => void ticks.push(String(ctx.schedule?.tick.toISOString())),
      },
    })
    const schedules = defineSchedules(defined, { often: { everyMs, jobType: 'nightly', payload: null } })
    const queues = Array.from({ length: 4 }, () =>
      lab.definedQueue(defined, { schedules, listen: false, databaseConfig: { max: 2 } }),
    )
    const processors = queues.map((queue) => queue.createProcessor(undefined, { heartbeat: 'main', pollInterval: 50 }))
    for (const processor of processors) processor.startInBackground()
    await poll(() => ticks.length >= 5)
    await Promise.all(processors.map((processor) => processor.stopAndDrain()))
    expect(new Set(ticks).size).toBe(ticks.length)
    const [first] = queues
    // And each tick that passed is on record once, whoever was first.
    const added = (await first?.getJobs({}, 1000))?.map((job) => job.schedule?.tick.toISOString()) ?? []
    expect(new Set(added).size).toBe(added.length)
    await lab.check()
  })

  test('2c 6: a job that hangs is given up after its time limit, and the jobs behind it run', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const ran: string[] = []
    await using processor = queue.createProcessor(
      { hangs: () => new Promise(() => undefined), after: () => void ran.push('after') },
      { concurrency: 1, heartbeat: 'main', pollInterval: 50 },
    )
    for (const jobType of ['hangs', 'after']) {
      const schedule = { scheduleName: jobType, cronExpression: '0 0 1 1 *', jobType, payload: null }
      const id = await queue.addCronJob({ ...schedule, timeoutMs: 100, maxAttempts: 1 })
      await queue.runCronJobNow(id)
    }
    processor.startInBackground()
    await poll(() => ran.length > 0)
    expect(await queue.getJobs({ jobType: 'hangs' })).toMatchObject([{ status: 'failed', failureReason: 'timeout' }])
  })
})

import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

// specs/job-queue.md, sections 19 and 32 (8): what the seed's cron got wrong, each with the opposite expectation.

describe.skipIf(SERVER_URL === undefined)('weaknesses of cron', () => {
  test('8: four workers and 100 due ticks make 100 jobs, overlap or not', async () => {
    const lab = await openLab()
    const queues = Array.from({ length: 4 }, () => lab.queue({ listen: false, databaseConfig: { max: 2 } }))
    const [first] = queues
    if (first === undefined) throw new TypeError('there are four')
    for (let n = 0; n < 10; n++) {
      const schedule = { scheduleName: `s${n}`, cronExpression: '* * * * *', jobType: 'quick', payload: null }
      await first.addCronJob({ ...schedule, allowOverlap: n % 2 === 0 })
    }
    let total = 0
    for (let round = 0; round < 10; round++) {
      await lab.sql(
        `update "${lab.schema}".schedules set next_run_at = date_trunc('milliseconds', clock_timestamp() - $1::interval)`,
        [`${50 - round} seconds`],
      )
      // Each round starts with nothing unfinished, so that a forbidden overlap is none.
      const counts = await Promise.all(queues.map((queue) => queue.enqueueDueCronJobs()))
      total += counts.reduce((sum, count) => sum + count, 0)
      await first
        .createProcessor({ quick: () => undefined }, { batchSize: 100, heartbeat: 'main', fireSchedules: false })
        .start()
    }
    expect(total).toBe(100)
    expect(await first.getJobs({}, 1000)).toHaveLength(100)
    await lab.check()
  })

  test('8: a job between two attempts counts as unfinished', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const id = await queue.addCronJob({
      scheduleName: 's',
      everyMs: 300,
      jobType: 'fails',
      payload: null,
      retryDelay: 600,
    })
    await queue.runCronJobNow(id)
    const handlers = { fails: () => Promise.reject(new Error('not yet')) }
    await queue.createProcessor(handlers, { fireSchedules: false, heartbeat: 'main' }).start()
    await poll(async () => {
      await queue.enqueueDueCronJobs()
      return (await queue.getCronJob(id))?.lastSkipReason === 'overlap'
    })
    expect(await queue.getJobs()).toMatchObject([{ status: 'failed', attempts: 1 }])
  })

  test('8: an unknown zone rejects, and so does an expression that never fires', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const schedule = { scheduleName: 's', cronExpression: '0 0 * * *', jobType: 'quick', payload: null }
    const zone = queue.addCronJob({ ...schedule, timezone: 'Nowhere/Land' })
    expect(zone).toBeInstanceOf(Promise)
    await expect(zone).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(queue.addCronJob({ ...schedule, cronExpression: '0 0 31 2 *' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })
})

import { describe, expect, test } from 'vitest'
import { snooze } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('metrics', () => {
  test('count what ended as the store has it, and nothing that did not', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let snoozes = 0
    const processor = queue.createProcessor(
      {
        good: () => 'done',
        bad: () => {
          throw new Error('bad')
        },
        late: () => (snoozes++ === 0 ? snooze(1) : undefined),
      },
      { concurrency: 10, pollInterval: 50 },
    )
    await queue.addJobs(Array.from({ length: 20 }, () => ({ jobType: 'good', payload: null })))
    await queue.addJobs(Array.from({ length: 3 }, () => ({ jobType: 'good', payload: null, queue: 'eu' })))
    await queue.addJobs(
      Array.from({ length: 2 }, () => ({ jobType: 'bad', payload: null, maxAttempts: 2, retryDelay: 0 })),
    )
    await queue.addJob({ jobType: 'unknown', payload: null, maxAttempts: 1 })
    await queue.addJob({ jobType: 'late', payload: null, priority: 5 })
    processor.startInBackground()
    await poll(async () => {
      const { byStatus } = await queue.getStats()
      return byStatus.completed + (await queue.getJobs({ final: true })).length === 27
    })
    await processor.stopAndDrain()
    const series = await queue.getMetrics({ by: 'jobType', minutes: 5 })
    expect(series.map(({ jobType, total }) => [jobType, total.completed, total.retried, total.failed])).toEqual([
      ['good', 23, 0, 0],
      ['bad', 0, 2, 2],
      ['late', 1, 0, 0],
      ['unknown', 0, 0, 1],
    ])
    const [everything] = await queue.getMetrics({ minutes: 5 })
    expect([everything?.jobType, everything?.total.run.count]).toEqual([null, 29])
    const byQueue = await queue.getMetrics({ by: 'queue', jobType: 'good', minutes: 5 })
    expect(byQueue.map(({ queue: name, total }) => [name, total.completed])).toEqual([
      [null, 20],
      ['eu', 3],
    ])
    const totals = await queue.getMetricTotals()
    expect(totals.map(({ jobType, queue: name, completed }) => [jobType, name, completed])).toEqual([
      ['bad', null, 0],
      ['good', null, 20],
      ['good', 'eu', 3],
      ['late', null, 1],
      ['unknown', null, 0],
    ])
    await lab.check()
  })

  test('tell a wait as it was though the clock of the worker is an hour ahead, and none of a job that was for later', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const worker = await lab.worker({ skewMs: 3_600_000, processor: { pollInterval: 50 } })
    // The first job has it ask for the time of the store.
    await queue.addJob({ jobType: 'quick', payload: null })
    await worker.heard('settled')
    const delayed = await queue.addJob({ jobType: 'quick', payload: null, runAt: new Date(Date.now() + 300) })
    await poll(async () => (await queue.getJob(delayed))?.status === 'completed')
    const ids = await queue.addJobs(Array.from({ length: 3 }, () => ({ jobType: 'quick', payload: null })))
    await poll(async () => (await queue.getJob(ids[2] ?? 0))?.status === 'completed')
    worker.send({ do: 'drain', ms: 5000 })
    await worker.ended
    const [series] = await queue.getMetrics({ minutes: 5 })
    expect(series?.total.completed).toBe(5)
    const { count, sumMs } = series?.total.wait ?? { count: 0, sumMs: 0 }
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(5)
    expect(sumMs).toBeLessThan(300 * count)
  })

  test('minutes go after three days and sums after thirty without a job, and nothing younger', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const counts = `1, 0, 0, 1, '{1}'::bigint[], 0, '{}'::bigint[]`
    await lab.sql(`insert into ${lab.schema}.metrics
      select date_trunc('minute', now() - ago::interval), ago, '', ${counts} from unnest(array['73 hours', '71 hours', '0 hours']) ago`)
    await lab.sql(`insert into ${lab.schema}.metric_totals
      select ago, '', now() - ago::interval, ${counts} from unnest(array['31 days', '29 days']) ago`)
    await queue.createSupervisor({ fireSchedules: false }).start()
    const left = async (table: string): Promise<unknown[]> =>
      (await lab.sql(`select job_type from ${lab.schema}.${table} order by job_type`)).map((row) => row['job_type'])
    expect(await left('metrics')).toEqual(['0 hours', '71 hours'])
    expect(await left('metric_totals')).toEqual(['29 days'])
  })

  test('an idle worker tells nothing', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.createProcessor({}).start()
    expect(await queue.getMetrics()).toEqual([])
    expect(await lab.sql(`select from ${lab.schema}.metrics`)).toEqual([])
  })

  test('options that mean nothing are refused', async () => {
    const queue = (await openLab()).queue()
    const refused = async (options: object): Promise<unknown> =>
      queue.getMetrics(options).then(
        () => 'taken',
        (error: unknown) => (error instanceof Error ? error.message : error),
      )
    expect(await refused({ minutes: 0 })).toContain('`minutes`')
    expect(await refused({ minutes: 4320 })).toContain('`stepMinutes`')
    expect(await refused({ minutes: 4320, stepMinutes: 3 })).toBe('taken')
    expect(await refused({ by: 'tenant' })).toContain('`by`')
    expect(await refused({ until: 'now' })).toContain('`until`')
    expect(await refused({ hours: 1 })).toContain('`hours`')
  })
})

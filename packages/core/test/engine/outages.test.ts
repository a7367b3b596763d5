import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL, type Lab } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

/** Ends every connection of the lab's role. */
function killBackends(lab: Lab): Promise<unknown> {
  return lab.sql('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [lab.role])
}

describe.skipIf(SERVER_URL === undefined)('outages', () => {
  test('backends killed again and again during work crash nothing, lose no job and run none twice', async () => {
    const lab = await openLab()
    const queue = lab.queue({ databaseConfig: { max: 4 } })
    await queue.ready()
    const runs = new Map<number, number>()
    const processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          runs.set(ctx.jobId, (runs.get(ctx.jobId) ?? 0) + 1)
          await new Promise((resolve) => {
            setTimeout(resolve, 5)
          })
        },
      },
      { concurrency: 8, pollInterval: 100, onError: () => undefined },
    )
    processor.startInBackground()
    const ids: number[] = []
    for (let round = 0; round < 10; round++) {
      const adds = Array.from({ length: 40 }, () => queue.addJob({ jobType: 'work', payload: round }))
      await killBackends(lab)
      ids.push(...(await Promise.all(adds)))
      await killBackends(lab)
    }
    expect(new Set(ids).size).toBe(400)
    await poll(async () => (await queue.getStats()).byStatus.completed === 400)
    expect([...runs.values()].filter((count) => count > 1)).toEqual([])
    expect(runs.size).toBe(400)
    await processor.stopAndDrain()
    await lab.check()
  })

  test('an idle worker whose backends were killed works again without being asked', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const errors: Error[] = []
    const processor = queue.createProcessor(
      { work: () => 'done' },
      { pollInterval: 100, onError: (error) => errors.push(error) },
    )
    processor.startInBackground()
    const first = await queue.addJob({ jobType: 'work', payload: null })
    await poll(async () => (await queue.getJob(first))?.status === 'completed')
    await killBackends(lab)
    const second = await queue.addJob({ jobType: 'work', payload: null })
    await poll(async () => (await queue.getJob(second))?.status === 'completed')
    expect((await queue.getStats()).byStatus.completed).toBe(2)
    await processor.stopAndDrain()
  })

  test('reads on a pool full of dead connections are answered', async () => {
    const lab = await openLab()
    const queue = lab.queue({ databaseConfig: { max: 5 } })
    const id = await queue.addJob({ jobType: 'work', payload: null })
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 10 }, () => queue.getJob(id)))
      await killBackends(lab)
      const [job, jobs, stats, events] = await Promise.all([
        queue.getJob(id),
        queue.getJobs(),
        queue.getStats(),
        queue.getJobEvents(id),
        queue.getWorkers(),
      ])
      expect([job?.id, jobs.length, stats.ready, events.length]).toEqual([id, 1, 1, 1])
    }
  })

  test('a role with serializable isolation, short time limits and foreign formats works all the same', async () => {
    const lab = await openLab()
    const settings = {
      default_transaction_isolation: 'serializable',
      statement_timeout: '1s',
      lock_timeout: '200ms',
      idle_in_transaction_session_timeout: '1s',
      DateStyle: 'German, DMY',
      TimeZone: 'Asia/Kolkata',
      IntervalStyle: 'sql_standard',
      bytea_output: 'escape',
      extra_float_digits: '-5',
      search_path: 'nowhere',
      standard_conforming_strings: 'off',
      transform_null_equals: 'on',
      plan_cache_mode: 'force_generic_plan',
    }
    for (const [name, value] of Object.entries(settings)) {
      await lab.sql(`alter role ${lab.role} set ${name} = ${name === 'search_path' ? value : `'${value}'`}`)
    }
    const queues = [lab.queue(), lab.queue()]
    const [queue, other] = queues
    if (queue === undefined || other === undefined) throw new Error('two queues')
    await Promise.all(queues.map((each) => each.ready()))
    const runAt = new Date('2090-07-08T09:10:11.123Z')
    const later = await queue.addJob({
      jobType: 'work',
      payload: 'x',
      runAt,
      retryDelay: 0.123456789,
      tags: ["it's \\ {a}"],
    })
    expect(await queue.getJob(later)).toMatchObject({ runAt, retryDelay: 0.123456789, tags: ["it's \\ {a}"] })
    expect((await queue.getJobs({ runAt })).map(({ id }) => id)).toEqual([later])
    const processors = queues.map((each) =>
      each.createProcessor(
        {
          work: (_payload, _signal, ctx) => {
            if (ctx.attempt === 1 && ctx.jobId % 7 === 0) throw new Error('once')
          },
        },
        { concurrency: 5, groupConcurrency: 2, pollInterval: 100, onError: () => undefined },
      ),
    )
    for (const processor of processors) processor.startInBackground()
    const adds = Array.from({ length: 200 }, (_, n) =>
      (n % 2 === 0 ? queue : other).addJob({
        jobType: 'work',
        payload: n,
        retryDelay: 0,
        idempotencyKey: `key ${n % 100}`,
        ...(n % 3 === 0 ? { group: { id: `g${n % 2}` } } : {}),
      }),
    )
    const ids = await Promise.all(adds)
    expect(new Set(ids).size).toBe(100)
    await poll(async () => (await queue.getStats()).byStatus.completed === 100)
    await queue.cancelJob(later)
    expect(await queue.getJobEvents(later)).toMatchObject([{ eventType: 'added' }, { eventType: 'cancelled' }])
    expect(await queue.cleanupOldJobs(0)).toBe(100)
    await Promise.all(processors.map((processor) => processor.stopAndDrain()))
    await lab.check()
  })
})

import { describe, expect, test } from 'vitest'
import type { HookEvent } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('operations', () => {
  test('tenants share nothing: keys, groups, lists, bulk changes', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const job = { jobType: 'work', payload: null, idempotencyKey: 'k', group: { id: 'g' } }
    const ids = await queue.addJobs([job, { ...job, tenantId: 'a' }, { ...job, tenantId: 'b' }])
    expect(new Set(ids).size).toBe(3)
    expect((await queue.getJobs({ tenantId: 'a' })).map(({ id }) => id)).toEqual([ids[1]])
    expect(await queue.editAllPendingJobs({ tenantId: 'a' }, { priority: 5 })).toBe(1)
    expect(await queue.cancelAllUpcomingJobs({ tenantId: 'b' })).toBe(1)
    const seen: unknown[] = []
    await using processor = queue.createProcessor(
      { work: (_payload, _signal, ctx) => void seen.push([ctx.tenantId, ctx.groupId]) },
      { groupConcurrency: 1, pollInterval: 50 },
    )
    processor.startInBackground()
    await poll(() => seen.length === 2)
    expect(seen).toEqual([
      ['a', 'g'],
      [null, 'g'],
    ])
  })

  test('dead letters are redriven by filter, run again from their first attempt, and their new errors are kept beside the old', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let isBroken = true
    await using processor = queue.createProcessor(
      {
        work: (_payload, _signal, ctx) => {
          if (isBroken) throw new Error('broken')
          return ctx.attempt
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const ids = await queue.addJobs(
      Array.from({ length: 6 }, (_, n) => ({
        jobType: 'work',
        payload: n,
        maxAttempts: 1,
        tags: [n % 2 === 0 ? 'even' : 'odd'],
      })),
    )
    await poll(async () => (await queue.getJobs({ final: true })).length === 6)
    isBroken = false
    const moved = await queue.redrive({ tags: { values: ['even'] } }, { limit: 2 })
    expect(moved).toEqual([ids[0], ids[2]])
    await poll(async () => (await queue.getStats()).byStatus.completed === 2)
    expect(await queue.getJob(ids[0] ?? 0)).toMatchObject({
      output: 1,
      attempts: 1,
      errorHistory: [{ message: 'broken' }],
    })
    expect((await queue.getJobEvents(ids[0] ?? 0)).map(({ eventType }) => eventType)).toEqual([
      'added',
      'processing',
      'failed',
      'retried',
      'processing',
      'completed',
    ])
    expect(await queue.redrive()).toHaveLength(4)
    await poll(async () => (await queue.getStats()).byStatus.completed === 6)
  })

  test('hooks tell the whole story, and a hook that throws changes nothing', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const story: HookEvent[] = []
    queue.hooks.subscribe(() => {
      throw new Error('a bad subscriber')
    })
    const unsubscribe = queue.hooks.subscribe((event) => story.push(event))
    const processor = queue.createProcessor(
      {
        work: (payload) => {
          if (payload === 'bad') throw new Error('bad payload')
        },
      },
      { workerId: 'w1', pollInterval: 50 },
    )
    processor.startInBackground()
    const [good, bad] = await queue.addJobs([
      { jobType: 'work', payload: 'good' },
      { jobType: 'work', payload: 'bad', maxAttempts: 1 },
    ])
    await poll(async () => (await queue.getJob(bad ?? 0))?.status === 'failed')
    await processor.stopAndDrain()
    unsubscribe()
    const of = <T extends HookEvent['type']>(type: T): Extract<HookEvent, { type: T }>[] =>
      story.filter((event): event is Extract<HookEvent, { type: T }> => event.type === type)
    expect(of('job.added')).toMatchObject([{ jobIds: [good, bad], jobTypes: ['work'] }])
    expect(of('worker.started')).toMatchObject([{ workerId: 'w1', heartbeat: 'thread' }])
    expect(of('job.started').map(({ jobId }) => jobId)).toEqual([good, bad])
    expect(of('job.settled')).toMatchObject([
      { jobId: good, outcome: 'returned', result: 'settled', willRetry: false },
      { jobId: bad, outcome: 'threw', result: 'settled', willRetry: false, reason: 'handler_error' },
    ])
    expect(of('claim').some(({ jobs }) => jobs > 0)).toBe(true)
    expect(of('worker.stopped')).toHaveLength(1)
    const told = story.length
    await queue.addJob({ jobType: 'work', payload: 1 })
    expect(story).toHaveLength(told)
  })

  test('a job without a handler fails as such, or is left alone where that was asked for', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'unknown']
    const ids = await queue.addJobs(names.map((jobType) => ({ jobType, payload: null, maxAttempts: 1 })))
    await using patient = queue.createProcessor({ work: () => 'ran' }, { onUnknownType: 'wait', pollInterval: 50 })
    patient.startInBackground()
    const known = await queue.addJob({ jobType: 'work', payload: null })
    await poll(async () => (await queue.getJob(known))?.status === 'completed')
    expect((await queue.getStats()).byStatus.pending).toBe(5)
    await patient.stopAndDrain()
    await using strict = queue.createProcessor({ work: () => 'ran' }, { pollInterval: 50 })
    strict.startInBackground()
    await poll(async () => (await queue.getStats()).byStatus.failed === 5)
    for (const id of ids) expect(await queue.getJob(id)).toMatchObject({ failureReason: 'no_handler' })
  })

  test('retention drops whole days, empty ones among them, and deletes the rest of the boundary day', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const { schema } = lab
    const day = (ago: number): Date => new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - ago * 86_400_000)
    const name = (ago: number): string => `finished_jobs_${day(ago).toISOString().slice(0, 10).replaceAll('-', '')}`
    for (const ago of [40, 39, 38, 30]) {
      await lab.sql(
        `create table "${schema}".${name(ago)} partition of "${schema}".finished_jobs for values from ('${day(ago).toISOString()}') to ('${day(ago - 1).toISOString()}')`,
      )
    }
    const processor = queue.createProcessor({ work: () => undefined }, { batchSize: 100 })
    const ids = await queue.addJobs(
      Array.from({ length: 6 }, (_, n) => ({ jobType: 'work', payload: n, idempotencyKey: `k${n}` })),
    )
    await processor.start()
    const ended = [39.5, 38.5, 38.4, 30.9, 29, 0]
    for (const [n, ago] of ended.entries()) {
      const at = new Date(Date.now() - ago * 86_400_000)
      await lab.sql(`update "${schema}".finished_jobs set finished_at = $2 where id = $1`, [ids[n], at])
    }
    expect(await queue.cleanupOldJobs(30)).toBe(4)
    expect((await queue.getJobs()).map(({ id }) => id)).toEqual([ids[5], ids[4]])
    const left = await lab.sql(
      `select relname from pg_class where relnamespace = '${schema}'::regnamespace and relname ~ '^finished_jobs_\\d{8}$'`,
    )
    const gone = [40, 39, 38].map(name)
    expect(left.filter(({ relname }) => gone.includes(String(relname)))).toEqual([])
    expect(await queue.addJob({ jobType: 'work', payload: null, idempotencyKey: 'k0' })).not.toBe(ids[0])
    expect(await queue.addJob({ jobType: 'work', payload: null, idempotencyKey: 'k4' })).toBe(ids[4])
    await lab.check()
  })

  test('a whole day goes with its keys and steps, a few pages at a time, and is counted once by however many clean it up', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const { schema } = lab
    const start = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 40 * 86_400_000)
    const day = start.toISOString().slice(0, 10)
    const part = `"${schema}".finished_jobs_${day.replaceAll('-', '')}`
    await lab.sql(
      `create table ${part} partition of "${schema}".finished_jobs for values from ('${day}Z') to ('${day}T24:00Z')`,
    )
    const ids = await queue.addJobs(
      Array.from({ length: 600 }, (_, n) => ({
        jobType: 'work',
        payload: 'x'.repeat(100),
        ...(n % 3 === 0 && { idempotencyKey: `k${n}` }),
      })),
    )
    const processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) =>
          void (ctx.jobId % 7 === 0 && (await ctx.run('step', () => Promise.resolve(1)))),
      },
      { batchSize: 600, concurrency: 50 },
    )
    await processor.start()
    await lab.sql(`update "${schema}".finished_jobs set finished_at = $1`, [new Date(start.getTime() + 3_600_000)])
    const count = async (table: string): Promise<number> =>
      Number((await lab.sql(`select count(*) as n from "${schema}".${table}`))[0]?.['n'])
    expect([await count('job_keys'), (await count('job_steps')) > 0]).toEqual([200, true])

    const [piece] = await lab.sql(`select * from "${schema}".forget_day('${day}', 0, 20)`)
    expect(Number(piece?.['jobs'])).toBeLessThan(120)
    expect(Number(piece?.['next_page'])).toBe(2)
    expect(await count('job_keys')).toBeGreaterThan(150)

    const counts = await Promise.all([
      queue.cleanupOldJobs(30, 20),
      queue.cleanupOldJobs(30, 20),
      queue.cleanupOldJobs(30, 20),
    ])
    // Each may have found that another was just reading the day; then it goes by the next.
    counts.push(await queue.cleanupOldJobs(30, 20))
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 600])
    expect([await count('job_keys'), await count('job_steps'), await queue.getJob(ids[0] ?? 0)]).toEqual([0, 0, null])
    expect(await lab.sql(`select to_regclass('${part}') as part`)).toEqual([{ part: null }])
    await lab.check()
  })

  test('a day of history that somebody reads stays whole, with what is after it deleted, and goes later', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const { schema } = lab
    const day = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10)
    const part = `"${schema}".finished_jobs_${day.replaceAll('-', '')}`
    await lab.sql(
      `create table ${part} partition of "${schema}".finished_jobs for values from ('${day}Z') to ('${day}T24:00Z')`,
    )
    const ids = await queue.addJobs([1, 2].map((n) => ({ jobType: 'work', payload: n })))
    await queue.createProcessor({ work: () => undefined }).start()
    await lab.sql(`update "${schema}".finished_jobs set finished_at = '${day}T01:00Z' where id = $1`, [ids[0]])
    await lab.sql(`update "${schema}".finished_jobs set finished_at = finished_at - interval '35 days' where id = $1`, [
      ids[1],
    ])
    const reader = await lab.session()
    await reader.query('begin')
    await reader.query(`select from ${part}`)
    expect(await queue.cleanupOldJobs(30)).toBe(1)
    expect((await queue.getJobs()).map(({ id }) => id)).toEqual([ids[0]])
    await reader.query('commit')
    expect(await queue.cleanupOldJobs(30)).toBe(1)
    expect(await queue.getJobs()).toEqual([])
    await lab.check()
  })
})

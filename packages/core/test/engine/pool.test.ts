import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('connections', () => {
  test('with a pool of one, the heartbeat on the main thread and no listening, everything works', async () => {
    const lab = await openLab()
    const queue = lab.queue({ databaseConfig: { max: 1 }, listen: false, leaseMs: 2000 })
    const events = new Set<string>()
    for (const name of ['job:added', 'job:completed', 'job:failed', 'job:progress'] as const)
      queue.on(name, () => events.add(name))
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, n) => queue.addJob({ jobType: 'quick', payload: { n } })),
    )
    expect(new Set(ids).size).toBe(50)
    const [flaky, stuck, grouped] = await queue.addJobs([
      { jobType: 'flaky', payload: null, retryDelay: 0 },
      { jobType: 'stuck', payload: null },
      { jobType: 'quick', payload: null, group: { id: 'g' } },
    ])
    const inside = await queue.transaction((tx) => queue.addJob({ jobType: 'quick', payload: 'tx' }, { db: tx }))
    await using processor = queue.createProcessor(
      {
        quick: async (payload, _signal, ctx) => {
          await ctx.setProgress(50)
          return payload
        },
        flaky: (_, _signal, ctx) => {
          if (ctx.attempt === 1) throw new Error('once')
        },
        stuck: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          }),
      },
      { concurrency: 5, heartbeat: 'main', groupConcurrency: 1, pollInterval: 100 },
    )
    processor.startInBackground()
    await poll(async () => (await queue.getJob(stuck ?? 0))?.status === 'processing')
    await queue.cancelJob(stuck ?? 0)
    const rest = [...ids, flaky ?? 0, grouped ?? 0, inside]
    await poll(async () => (await queue.getStats()).byStatus.completed === rest.length)
    await poll(async () => (await queue.getJob(stuck ?? 0))?.status === 'cancelled')
    expect(await queue.getJob(ids[7] ?? 0)).toMatchObject({ output: { n: 7 }, progress: 50, attempts: 1 })
    expect(await queue.getJob(flaky ?? 0)).toMatchObject({ attempts: 2, status: 'completed' })
    expect(events).toEqual(new Set(['job:added', 'job:completed', 'job:failed', 'job:progress']))
    await processor.stopAndDrain()
    expect(await queue.getWorkers()).toEqual([])
    await lab.check()
  })

  test('200 concurrent adds on a pool of two take one to three statements', async () => {
    const lab = await openLab()
    const pool = new pg.Pool({ connectionString: lab.url, max: 2 })
    const queue = lab.queue({ pool, listen: false })
    try {
      await queue.ready()
      const statements: string[] = []
      pool.on('acquire', (client) => {
        const query = client.query.bind(client) as (given: unknown) => unknown
        if (Object.hasOwn(client, 'query')) return
        Object.assign(client, {
          query: (given: { text: string }) => {
            statements.push(given.text)
            return query(given)
          },
        })
      })
      const ids = await Promise.all(
        Array.from({ length: 200 }, (_, n) => queue.addJob({ jobType: 'work', payload: n })),
      )
      expect(new Set(ids).size).toBe(200)
      expect(statements.length).toBeGreaterThanOrEqual(1)
      expect(statements.length).toBeLessThanOrEqual(3)
      expect((await queue.getStats()).ready).toBe(200)
    } finally {
      await queue.close()
      await pool.end()
    }
  })

  test('a busy queue holds its pool and two connections more at most, also while a handler blocks the event loop', async () => {
    const lab = await openLab()
    const queue = lab.queue({ databaseConfig: { max: 3 }, leaseMs: 2000 })
    const count = (): Promise<number> => lab.connections()
    await using processor = queue.createProcessor({
      quick: () => undefined,
      block: () => {
        const until = performance.now() + 2600
        while (performance.now() < until) {
          // Busy.
        }
      },
    })
    processor.startInBackground()
    await Promise.all(Array.from({ length: 500 }, () => queue.addJob({ jobType: 'quick', payload: null })))
    const counts = [await count()]
    await queue.addJob({ jobType: 'block', payload: null })
    const total = 501
    await poll(async () => {
      counts.push(await count())
      return (await queue.getStats()).byStatus.completed === total
    })
    counts.push(await count())
    expect(Math.max(...counts)).toBeLessThanOrEqual(5)
    await processor.stopAndDrain()
    await queue.close()
    await poll(async () => (await count()) === 0)
  })
})

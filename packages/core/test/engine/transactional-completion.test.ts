import { describe, expect, test } from 'vitest'
import { type CommitFate, openCommitProxy } from '../support/commit-proxy.ts'
import { createEffects, effectsOf, expireLease } from '../support/effects.ts'
import { openLab, SERVER_URL, type WorkerProcess } from '../support/lab.ts'
import { poll } from '../support/poll.ts'
import { randomFrom } from '../support/random.ts'

const SEED = Number(process.env['MILLRACE_TEST_STEP_SEED'] ?? Math.floor(Math.random() * 1e9))

describe.skipIf(SERVER_URL === undefined)('completion in a transaction of the handler', () => {
  test.each([
    ['unanswered', 1],
    ['unsent', 2],
  ] as const)('a commit that is %s: one effect, after %i attempts', async (fate, attempts) => {
    const lab = await openLab()
    await lab.queue().ready()
    await createEffects(lab)
    let next: CommitFate = 'answered'
    await using proxy = await openCommitProxy(lab.url, () => {
      const now = next
      next = 'answered'
      return now
    })
    const queue = lab.queue({ databaseConfig: { connectionString: proxy.url } })
    await using processor = queue.createProcessor(
      {
        whole: (_payload, _signal, ctx) =>
          ctx.transaction(async (tx) => {
            await tx.query(`insert into "${lab.schema}".test_effects values ($1, 'whole')`, [ctx.jobId])
            if (ctx.attempt === 1) next = fate
            return `attempt ${ctx.attempt}`
          }),
        step: (_payload, _signal, ctx) =>
          ctx.runTx('part', async (tx) => {
            await tx.query(`insert into "${lab.schema}".test_effects values ($1, 'part')`, [ctx.jobId])
            if (ctx.attempt === 1) next = fate
            return `attempt ${ctx.attempt}`
          }),
      },
      { pollInterval: 50, concurrency: 1, onError: () => undefined },
    )
    processor.startInBackground()
    for (const jobType of ['whole', 'step']) {
      const id = await queue.addJob({ jobType, payload: null, retryDelay: 0 })
      await poll(async () => (await queue.getJob(id))?.status === 'completed')
      expect(await queue.getJob(id)).toMatchObject({ attempts, output: `attempt ${attempts}` })
    }
    expect((await effectsOf(lab)).map(({ name, times }) => [name, times])).toEqual([
      ['whole', 1],
      ['part', 1],
    ])
    expect(proxy.met[fate]).toBe(2)
    await lab.check()
  })

  test('the next job of the group starts at once, not when its worker next looks', async () => {
    const lab = await openLab()
    await using queue = lab.queue({ listen: false })
    const job = { jobType: 'whole', payload: null, group: { id: 'g' } }
    await queue.addJobs(Array.from({ length: 10 }, () => job))
    let left = 10
    const done = new Promise<void>((resolve) => queue.on('job:completed', () => --left === 0 && resolve()))
    await using processor = queue.createProcessor(
      { whole: (_payload, _signal, ctx) => ctx.transaction(() => Promise.resolve(ctx.jobId)) },
      { concurrency: 4, groupConcurrency: 1 },
    )
    const startedAt = performance.now()
    processor.startInBackground()
    await done
    // At one look a second it takes nine.
    expect(performance.now() - startedAt).toBeLessThan(6000)
  })

  test('a handler that goes on after it has completed its job keeps its slot until it returns', async () => {
    const lab = await openLab()
    await using queue = lab.queue()
    const ids = await queue.addJobs([
      { jobType: 'lingering', payload: null },
      { jobType: 'next', payload: null, runAt: new Date(Date.now() + 50) },
    ])
    const seen: string[] = []
    const completed = new Promise<void>((resolve) => {
      queue.on('job:completed', () => resolve())
    })
    await using processor = queue.createProcessor(
      {
        lingering: async (_payload, _signal, ctx) => {
          await ctx.transaction(() => Promise.resolve('done'))
          await poll(async () => (await queue.getJob(ids[0] ?? 0))?.status === 'completed')
          // Long enough for the next one to have been claimed and begun, if there were a slot.
          await poll(() => Date.now() > dueAt)
          seen.push('lingering returns')
        },
        next: () => void seen.push('next starts'),
      },
      { pollInterval: 50, concurrency: 1 },
    )
    const dueAt = Date.now() + 300
    processor.startInBackground()
    await completed
    await poll(() => seen.length === 2)
    expect(seen).toEqual(['lingering returns', 'next starts'])
    expect((await queue.getJob(ids[0] ?? 0))?.output).toBe('done')
    await lab.check()
  })

  test(
    `whatever is killed, terminated or cut off, each transaction has its effect once (seed ${SEED})`,
    { timeout: 90_000 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      await queue.ready()
      await createEffects(lab)
      const random = randomFrom(SEED)
      await using proxy = await openCommitProxy(lab.url, () => {
        const dice = random()
        return dice < 0.1 ? 'unsent' : dice < 0.2 ? 'unanswered' : 'answered'
      })
      const ids: number[] = []
      const more = async (): Promise<void> => {
        const job = { jobType: 'transfer', payload: null, maxAttempts: 1000, retryDelay: 0 }
        ids.push(...(await queue.addJobs(Array.from({ length: 60 }, () => job))))
      }
      const config = { databaseConfig: { connectionString: proxy.url, max: 3 } }
      const start = (workerId: string): Promise<WorkerProcess> =>
        lab.worker({ config, processor: { workerId, concurrency: 4, leaseMs: 5000 } })
      let current = await start('w0')
      for (let round = 1; round <= 4; round++) {
        await more()
        // Somewhere in the middle of it.
        const from = current.messages.filter(({ event }) => event === 'transfer').length
        const amount = 1 + Math.floor(random() * 20)
        await poll(() => current.messages.filter(({ event }) => event === 'transfer').length >= from + amount, {
          every: 2,
        })
        await lab.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and query ilike any (array['%test_effects%', '%settle_others%', 'begin', 'commit'])`,
          [lab.role],
        )
        await poll(() => current.messages.filter(({ event }) => event === 'transfer').length >= from + amount + 5, {
          every: 2,
        })
        current.signal('SIGKILL')
        await current.ended
        await expireLease(lab, `w${round - 1}`)
        current = await start(`w${round}`)
      }
      await poll(async () => (await queue.getStats()).byStatus.completed === ids.length, { within: 60_000 })
      const effects = await effectsOf(lab)
      expect(effects.map(({ jobId }) => jobId)).toEqual(ids)
      expect(effects.filter(({ times }) => times !== 1)).toEqual([])
      for (const job of await queue.getJobs({}, 1000)) expect(job.output).toBe(job.id)
      expect(Math.min(proxy.met.unsent, proxy.met.unanswered)).toBeGreaterThan(0)
      await lab.check()
    },
  )
})

import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const YES = { ok: true, output: 'yes' }

describe.skipIf(SERVER_URL === undefined)('weaknesses 5 and 6: waits', () => {
  test('5: a token completed on the last attempt resumes the job, as the same attempt, and so does each further one', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const attempts: number[] = []
    await using processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          attempts.push(ctx.attempt)
          for (let n = 0; n < 3; n++) await ctx.waitForToken((await ctx.createToken()).id)
          return 'three answers'
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, maxAttempts: 1 })
    for (let n = 0; n < 3; n++) {
      const token = await poll(async () => {
        const job = await queue.getJob(id)
        return job?.status === 'waiting' && (await queue.getToken(job.waitTokenId ?? ''))?.status === 'waiting'
          ? job.waitTokenId
          : undefined
      })
      await queue.completeToken(String(token))
    }
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(await queue.getJob(id)).toMatchObject({ attempts: 1, output: 'three answers', errorHistory: [] })
    expect(attempts).toEqual([1, 1, 1, 1])
    await lab.check()
  })

  test('5: a worker that dies while a job waits takes nothing with it, also on the last attempt', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const { id: tokenId } = await queue.createToken()
    const id = await queue.addJob({ jobType: 'approval', payload: { tokenId }, maxAttempts: 1 })
    await queue.ready()
    await lab.sql(`create table "${lab.schema}".test_effects (job_id bigint not null, name text not null)`)
    const first = await lab.worker({ processor: { leaseMs: 2000 } })
    await poll(async () => (await queue.getJob(id))?.status === 'waiting')
    first.signal('SIGKILL')
    await first.ended
    const second = await lab.worker({ processor: { leaseMs: 2000 } })
    // The lease of the dead one has run out, and been taken back.
    await poll(async () => (await queue.getWorkers()).length === 1)
    expect((await queue.getJob(id))?.status).toBe('waiting')
    await queue.completeToken(tokenId, 'yes')
    await second.heard('resumed')
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(await queue.getJob(id)).toMatchObject({ attempts: 1, output: YES })
    await lab.check()
  })

  test('6: a token made outside of jobs, or by another job, wakes every job that waits for it', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const outside = await queue.createToken()
    let fromJob = ''
    await using processor = queue.createProcessor(
      {
        maker: async (_payload, _signal, ctx) => {
          fromJob = (await ctx.createToken()).id
        },
        waiter: (payload, _signal, ctx) => ctx.waitForToken(String(payload)),
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const maker = await queue.addJob({ jobType: 'maker', payload: null })
    await poll(async () => (await queue.getJob(maker))?.status === 'completed')
    const ids = await queue.addJobs(
      [outside.id, outside.id, fromJob, fromJob].map((payload) => ({ jobType: 'waiter', payload })),
    )
    await poll(async () => (await queue.getStats()).byStatus.waiting === 4)
    await Promise.all([outside.id, fromJob].map((tokenId) => queue.completeToken(tokenId, 'yes')))
    await poll(async () => (await queue.getStats()).byStatus.completed === 5)
    for (const id of ids) expect((await queue.getJob(id))?.output).toEqual(YES)
  })

  test('6: a token completed at any moment around the wait, by two workers at once, is never lost', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const other = lab.queue()
    const work = {
      work: async (payload: unknown, _signal: unknown, ctx: { waitForToken(id: string): Promise<unknown> }) => {
        const tokenId = String(payload)
        // As soon as the handler is there: it races with what the wait does.
        if (tokenId.charCodeAt(5) % 2 === 0) void other.completeToken(tokenId, 'yes')
        return ctx.waitForToken(tokenId)
      },
    }
    const processors = [queue, other].map((each) => each.createProcessor(work, { pollInterval: 50, concurrency: 8 }))
    for (const processor of processors) processor.startInBackground()
    const tokens = await Promise.all(Array.from({ length: 200 }, () => queue.createToken()))
    const late = tokens.filter(({ id }) => id.charCodeAt(5) % 2 === 1)
    await queue.addJobs(tokens.map(({ id }) => ({ jobType: 'work', payload: id })))
    await Promise.all(late.map(({ id }) => queue.completeToken(id, 'yes')))
    await poll(async () => (await queue.getStats()).byStatus.completed === tokens.length)
    const jobs = await queue.getJobs({}, 500)
    expect(jobs.every(({ output, attempts }) => attempts === 1 && JSON.stringify(output) === JSON.stringify(YES))).toBe(
      true,
    )
    for (const processor of processors) await processor.stopAndDrain()
    await lab.check()
  })

  test('6: an unrelated token does not end a wait, and of two waits in `Promise.all` the shorter does not end the longer', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const reached: string[] = []
    let unrelated = ''
    await using processor = queue.createProcessor(
      {
        day: async (_payload, _signal, ctx) => {
          unrelated = (await ctx.createToken()).id
          await ctx.waitFor({ days: 1 })
          reached.push('the day is over')
        },
        both: async (_payload, _signal, ctx) => {
          const until = await ctx.run('until', () => Date.now() + 200)
          const short = ctx.waitUntil(new Date(until)).then(() => reached.push('short'))
          await Promise.all([short, ctx.waitFor({ hours: 5 })])
          reached.push('both')
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const [day, both] = await queue.addJobs([
      { jobType: 'day', payload: null },
      { jobType: 'both', payload: null },
    ])
    await poll(async () => (await queue.getJob(day ?? 0))?.status === 'waiting' && reached.length === 1)
    await queue.completeToken(unrelated)
    await poll(async () => (await queue.getJob(both ?? 0))?.status === 'waiting')
    const statuses = (await queue.getJobs()).map(({ status }) => status)
    expect(statuses).toEqual(['waiting', 'waiting'])
    expect(reached).toEqual(['short'])
    expect(Number((await queue.getJob(both ?? 0))?.waitUntil)).toBeGreaterThan(Date.now() + 4 * 3_600_000)
    await lab.check()
  })

  test('6: `try` and `catch` around a wait do not swallow it', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let wentOn = false
    await using processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          try {
            await ctx.waitFor({ hours: 1 })
          } catch {
            wentOn = true
          }
          wentOn = true
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null })
    await poll(async () => (await queue.getJob(id))?.status === 'waiting')
    expect(wentOn).toBe(false)
  })

  test('6: waits and tokens of a handler in a thread of its own reach the job through messages', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await using processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          const seen = [await ctx.run('count', () => 1)]
          const token = await ctx.createToken({ timeout: '1h' })
          const answer = await ctx.waitForToken<string>(token.id)
          await ctx.waitUntil(new Date(0))
          const signal = await ctx.waitForSignal<number>('go')
          return { seen, answer, signal, same: (await ctx.createToken()).id !== token.id }
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, timeoutMs: 20_000, forceKillOnTimeout: true })
    await poll(async () => (await queue.getJob(id))?.status === 'waiting')
    await queue.completeToken(String((await queue.getJob(id))?.waitTokenId), 'yes')
    await poll(async () => (await queue.getJob(id))?.waitTokenId === 'signal:go')
    await queue.signalJob(id, 'go', 7)
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(await queue.getJob(id)).toMatchObject({
      attempts: 1,
      output: { seen: [1], answer: YES, signal: { ok: true, output: 7 }, same: true },
    })
    await lab.check()
  })
})

import { describe, expect, it } from 'vitest'
import type { JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 13: `ctx.setProgress` and `ctx.setOutput`.

describe.skipIf(!hasServer)('progress and output', () => {
  const api = useApi('api_progress')

  async function runOne(handler: JobHandler, options: object = {}): Promise<number> {
    const id = await api.queue.addJob({ jobType: 'work', payload: {}, ...options })
    await api.run({ work: handler })
    return id
  }

  it('progress is stored while the job runs, rounded, and kept when it is done', async () => {
    const seen: unknown[] = []
    const id = await runOne(async (_payload, _signal, ctx) => {
      for (const percent of [0, 33.4, 66.6, 100]) {
        await ctx.setProgress(percent)
        seen.push((await api.job(ctx.jobId)).progress)
      }
    })
    expect(seen).toEqual([0, 33, 67, 100])
    expect(await api.job(id)).toMatchObject({ status: 'completed', progress: 100 })
  })

  it.each([-1, 100.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'progress %d is refused, and fails a job that does not catch it',
    async (percent) => {
      const id = await runOne((_payload, _signal, ctx) => ctx.setProgress(percent))
      expect(await api.job(id)).toMatchObject({ status: 'failed', progress: null })
      expect((await api.job(id)).errorHistory[0]?.message).toBe('Progress must be between 0 and 100')
    },
  )

  it('progress that is refused harms no job that catches it', async () => {
    const id = await runOne(async (_payload, _signal, ctx) => {
      await ctx.setProgress(101).catch(() => undefined)
    })
    expect((await api.job(id)).status).toBe('completed')
  })

  it.each([[{ url: 'x' }], [[1, 2]], ['text'], [0], [false], [null]])(
    'what a handler returns becomes the output: %j',
    async (output) => {
      const id = await runOne(() => output)
      expect((await api.job(id)).output).toEqual(output)
    },
  )

  it('there is no output when the handler returns nothing', async () => {
    const id = await runOne(() => undefined)
    expect((await api.job(id)).output).toBeNull()
  })

  it('an output that is set is stored at once, the last one wins, and the returned value is ignored', async () => {
    let during: unknown
    const id = await runOne(async (_payload, _signal, ctx) => {
      await ctx.setOutput({ n: 1 })
      during = (await api.job(ctx.jobId)).output
      await ctx.setOutput({ n: 2 })
      return { n: 3 }
    })
    expect(during).toEqual({ n: 1 })
    expect((await api.job(id)).output).toEqual({ n: 2 })
  })

  it('an output that is not awaited is there when the job is done', async () => {
    const id = await runOne((_payload, _signal, ctx) => {
      void ctx.setProgress(80)
      void ctx.setOutput('last words')
    })
    expect(await api.job(id)).toMatchObject({ status: 'completed', progress: 80, output: 'last words' })
  })

  it('an output that JSON cannot hold is refused where it is given', async () => {
    const set = await runOne((_payload, _signal, ctx) => ctx.setOutput({ big: 1n }))
    expect((await api.job(set)).errorHistory[0]).toMatchObject({ code: 'OUTPUT_INVALID' })
    const returned = await runOne(() => ({ big: 1n }))
    expect(await api.job(returned)).toMatchObject({ status: 'failed', failureReason: 'handler_error' })
  })

  it('progress and output of a failed attempt do not show in the next', async () => {
    let attempts = 0
    const id = await runOne(
      async (_payload, _signal, ctx) => {
        attempts++
        await ctx.setProgress(90)
        await ctx.setOutput('half')
        throw new Error('no luck')
      },
      { retryDelay: 0 },
    )
    expect(attempts).toBe(1)
    let atStart: unknown
    await api.run({
      work: async (_payload, _signal, ctx) => {
        const { progress, output } = await api.job(ctx.jobId)
        atStart = { progress, output }
      },
    })
    expect(atStart).toEqual({ progress: null, output: null })
    expect(await api.job(id)).toMatchObject({ status: 'completed', progress: null, output: null })
  })

  it('are told to listeners of this process', async () => {
    const told: unknown[] = []
    api.queue.on('job:progress', (event) => told.push(event))
    api.queue.on('job:output', (event) => told.push(event))
    const id = await runOne(async (_payload, _signal, ctx) => {
      await ctx.setProgress(50)
      await ctx.setOutput({ n: 1 })
    })
    expect(told).toEqual([
      { jobId: id, progress: 50 },
      { jobId: id, output: { n: 1 } },
    ])
  })
})

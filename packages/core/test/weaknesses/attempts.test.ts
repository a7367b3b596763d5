import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isMillraceError } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('weaknesses 4, 5, 7 and 11: attempts', () => {
  test('4: a timed-out attempt that finishes later neither completes its job nor disturbs the next attempt', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let finishFirst = (): void => undefined
    const first = new Promise<void>((resolve) => (finishFirst = resolve))
    const refused: unknown[] = []
    await using processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          if (ctx.attempt > 1) return 'second'
          await first
          for (const call of [ctx.setProgress(99), ctx.setOutput('first')])
            refused.push(await call.catch((error: unknown) => error))
          return 'first'
        },
      },
      { pollInterval: 50, onError: () => undefined },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, timeoutMs: 100, retryDelay: 0 })
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    finishFirst()
    await poll(() => refused.length === 2)
    expect(refused.every((error) => isMillraceError(error, 'LEASE_LOST'))).toBe(true)
    expect(await queue.getJob(id)).toMatchObject({ output: 'second', progress: null, attempts: 2 })
    const events = (await queue.getJobEvents(id)).map(({ eventType }) => eventType)
    expect(events).toEqual(['added', 'processing', 'failed', 'processing', 'completed'])
  })

  test('4: an attempt whose job was retried while it ran finishes last and changes nothing', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let finishFirst = (): void => undefined
    const first = new Promise<void>((resolve) => (finishFirst = resolve))
    let firstEnded = false
    await using processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          if (ctx.attempt > 1) return 'second'
          await first
          firstEnded = true
          return 'first'
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, maxAttempts: 1 })
    await poll(async () => (await queue.getJob(id))?.status === 'processing')
    await queue.retryJob(id)
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    finishFirst()
    await poll(() => firstEnded)
    await processor.stopAndDrain()
    expect(await queue.getJob(id)).toMatchObject({ output: 'second', attempts: 2 })
  })

  test('5: no job is left pending for ever by a retry, a reclaim or a hand-back of its last attempt', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await using processor = queue.createProcessor(
      { work: () => Promise.reject(new Error('always')) },
      { pollInterval: 50, onError: () => undefined },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, maxAttempts: 1 })
    for (let attempts = 1; attempts <= 3; attempts++) {
      await poll(
        async () => (await queue.getJob(id))?.attempts === attempts && (await queue.getJob(id))?.status === 'failed',
      )
      await queue.reclaimStuckJobs(0)
      await queue.retryJob(id)
    }
    await poll(async () => (await queue.getJob(id))?.status === 'failed' && (await queue.getJob(id))?.attempts === 4)
    expect(await queue.checkInvariants()).toEqual([])
  })

  test('7: a failure that will be retried is no end: no dead letter, and the job is claimed again', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await using processor = queue.createProcessor(
      {
        work: (_payload, _signal, ctx) => {
          if (ctx.attempt === 1) throw new Error('once')
        },
        dead: () => undefined,
      },
      { pollInterval: 50, onError: () => undefined },
    )
    processor.startInBackground()
    const id = await queue.addJob({
      jobType: 'work',
      payload: null,
      maxAttempts: 2,
      retryDelay: 0,
      deadLetterJobType: 'dead',
    })
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(await queue.getJob(id)).toMatchObject({ attempts: 2, deadLetterJobId: null })
    expect(await queue.getJobs({ jobType: 'dead' })).toEqual([])
  })

  test('11: a force kill ends an asynchronous loop for certain', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'))
    const file = join(folder, 'beats')
    try {
      await using processor = queue.createProcessor(
        {
          loop: async (path) => {
            const { appendFileSync } = await import('node:fs')
            for (;;) {
              appendFileSync(String(path), '.')
              await new Promise((resolve) => setTimeout(resolve, 5))
            }
          },
        },
        { pollInterval: 50, onError: () => undefined },
      )
      processor.startInBackground()
      const id = await queue.addJob({
        jobType: 'loop',
        payload: file,
        timeoutMs: 600,
        forceKillOnTimeout: true,
        maxAttempts: 1,
      })
      await poll(async () => (await queue.getJob(id))?.status === 'failed')
      expect(await queue.getJob(id)).toMatchObject({ failureReason: 'timeout' })
      const beats = (): number => (existsSync(file) ? readFileSync(file).length : 0)
      const after = beats()
      expect(after).toBeGreaterThan(0)
      // A live loop would beat dozens of times while this job comes and goes.
      const next = await queue.addJob({
        jobType: 'loop',
        payload: `${file}2`,
        timeoutMs: 200,
        forceKillOnTimeout: true,
        maxAttempts: 1,
      })
      await poll(async () => (await queue.getJob(next))?.status === 'failed')
      expect(beats()).toBe(after)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('11: prolong counts from the first line of the handler', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await using processor = queue.createProcessor(
      {
        work: async (_payload, signal, ctx) => {
          ctx.prolong(5000)
          await new Promise((resolve) => setTimeout(resolve, 300))
          return signal.aborted
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null, timeoutMs: 100 })
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(await queue.getJob(id)).toMatchObject({ output: false, attempts: 1 })
  })

  test('11: a healthy job is not run twice, however long it runs and whoever reclaims', async () => {
    const lab = await openLab()
    const queue = lab.queue({ leaseMs: 2000 })
    const attempts: number[] = []
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const handlers = {
      work: (_payload: unknown, _signal: AbortSignal, ctx: { attempt: number }) => {
        attempts.push(ctx.attempt)
        return finished
      },
    }
    const processors = [
      queue.createProcessor(handlers, { pollInterval: 50 }),
      lab.queue().createProcessor(handlers, { pollInterval: 50 }),
    ]
    for (const processor of processors) processor.startInBackground()
    const id = await queue.addJob({ jobType: 'work', payload: null })
    await poll(() => attempts.length > 0)
    const claimedAt = (await queue.getJob(id))?.lockedAt ?? new Date()
    await poll(
      async () => {
        expect(await queue.reclaimStuckJobs(0)).toBe(0)
        return Date.now() - claimedAt.getTime() > 3000
      },
      { every: 100 },
    )
    finish()
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(attempts).toEqual([1])
    await Promise.all(processors.map((processor) => processor.stopAndDrain()))
  })
})

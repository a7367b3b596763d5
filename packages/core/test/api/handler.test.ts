import { describe, expect, it, vi } from 'vitest'
import type { JobContext, JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 11: what a handler is given, and its time limit.

describe.skipIf(!hasServer)('handlers', () => {
  const api = useApi('api_handler')
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload: { n: 1 }, ...options })
  const errors = async (id: number): Promise<string[]> => (await api.job(id)).errorHistory.map((error) => error.message)

  /** Resolves when the attempt is told to stop. */
  const untilAborted = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve())
    })

  const after = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds)
    })

  it('get the payload, a signal and a context with the documented methods', async () => {
    await add()
    const handler = vi.fn<JobHandler>(async (_payload, _signal, _ctx) => undefined)
    await api.run({ work: handler })
    const method: unknown = expect.any(Function)
    const context = Object.fromEntries(
      [
        'prolong',
        'onTimeout',
        'run',
        'waitFor',
        'waitUntil',
        'createToken',
        'waitForToken',
        'setProgress',
        'setOutput',
      ].map((name) => [name, method]),
    )
    expect(handler).toHaveBeenCalledExactlyOnceWith({ n: 1 }, expect.any(AbortSignal), expect.objectContaining(context))
  })

  it('know which job and attempt they run', async () => {
    const id = await add({ tags: ['a'], idempotencyKey: 'k', group: { id: 'g' }, maxAttempts: 5 })
    const seen: JobContext[] = []
    await api.run({ work: (_payload, _signal, ctx) => void seen.push(ctx) }, { workerId: 'me' })
    expect(seen[0]).toMatchObject({
      jobId: id,
      jobType: 'work',
      attempt: 1,
      maxAttempts: 5,
      tags: ['a'],
      idempotencyKey: 'k',
      groupId: 'g',
      workerId: 'me',
    })
  })

  it('may be synchronous', async () => {
    const id = await add()
    await api.run({ work: () => 'done' })
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'done' })
  })

  it('are marked by who runs them while they run, and no longer', async () => {
    const id = await add()
    await api.run(
      {
        work: async () => {
          expect(await api.job(id)).toMatchObject({ status: 'processing', lockedBy: 'me', attempts: 1 })
          expect((await api.job(id)).lockedAt).toBeInstanceOf(Date)
        },
      },
      { workerId: 'me' },
    )
    const job = await api.job(id)
    expect(job).toMatchObject({ status: 'completed', lockedBy: null, lockedAt: null })
    expect(job.startedAt).toBeInstanceOf(Date)
    expect(job.completedAt).toBeInstanceOf(Date)
  })

  it('run without a limit unless the job has one', async () => {
    const id = await add()
    let aborted = true
    await api.run({
      work: async (_payload, signal) => {
        await after(60)
        aborted = signal.aborted
      },
    })
    expect(aborted).toBe(false)
    expect((await api.job(id)).status).toBe('completed')
  })

  describe('timeout', () => {
    it('fires the signal and fails the attempt with its own reason', async () => {
      const id = await add({ timeoutMs: 30 })
      let reason: unknown
      await api.run({
        work: async (_payload, signal) => {
          await untilAborted(signal)
          reason = signal.reason
        },
      })
      expect(reason).toMatchObject({ code: 'JOB_TIMEOUT' })
      expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'timeout', attempts: 1 })
      expect(await errors(id)).toEqual(['Job timed out after 30 ms'])
    })

    it('does not wait for a handler that ignores it', async () => {
      const id = await add({ timeoutMs: 30 })
      let release = (): void => undefined
      const gate = new Promise<void>((resolve) => {
        release = resolve
      })
      await api.run({ work: () => gate })
      expect((await api.job(id)).failureReason).toBe('timeout')
      release()
    })

    it('does not touch a job that ends in time', async () => {
      const id = await add({ timeoutMs: 60_000 })
      await api.run({ work: () => 'in time' })
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'in time' })
    })

    it('takes limits longer than a timer can hold', async () => {
      const id = await add({ timeoutMs: 40 * 86_400_000 })
      await api.run({ work: () => after(20) })
      expect((await api.job(id)).status).toBe('completed')
    })
  })

  describe('prolong', () => {
    it('before the first await moves the limit', async () => {
      const id = await add({ timeoutMs: 40 })
      await api.run({
        work: async (_payload, _signal, ctx) => {
          ctx.prolong(10_000)
          await after(100)
        },
      })
      expect((await api.job(id)).status).toBe('completed')
      expect(await api.history(id)).toContain('prolonged')
    })

    it('without a number starts the original limit again', async () => {
      const id = await add({ timeoutMs: 400 })
      await api.run({
        work: async (_payload, _signal, ctx) => {
          for (let n = 0; n < 3; n++) {
            await after(200)
            ctx.prolong()
          }
        },
      })
      expect((await api.job(id)).status).toBe('completed')
    })

    it('names the last duration when time is up after all', async () => {
      const id = await add({ timeoutMs: 10_000 })
      await api.run({
        work: async (_payload, signal, ctx) => {
          ctx.prolong(25)
          await untilAborted(signal)
        },
      })
      expect(await errors(id)).toEqual(['Job timed out after 25 ms'])
    })

    it('does nothing without a limit', async () => {
      const id = await add()
      await api.run({ work: async (_payload, _signal, ctx) => ctx.prolong(1) })
      expect((await api.job(id)).status).toBe('completed')
      expect(await api.history(id)).toEqual(['added', 'processing', 'completed'])
    })

    it('takes 30 days', async () => {
      const id = await add({ timeoutMs: 1000 })
      await api.run({
        work: async (_payload, _signal, ctx) => {
          ctx.prolong(30 * 86_400_000)
          await after(20)
        },
      })
      expect((await api.job(id)).status).toBe('completed')
    })
  })

  describe('onTimeout', () => {
    it('extends the limit by the number it answers, again and again', async () => {
      const id = await add({ timeoutMs: 30 })
      let asked = 0
      await api.run({
        work: async (_payload, signal, ctx) => {
          ctx.onTimeout(() => (++asked < 3 ? 30 : undefined))
          await untilAborted(signal)
        },
      })
      expect(asked).toBe(3)
      expect((await api.job(id)).failureReason).toBe('timeout')
    })

    it.each<[string, () => number | undefined]>([
      ['nothing', () => undefined],
      ['zero', () => 0],
      ['a negative number', () => -5],
      [
        'an error',
        () => {
          throw new Error('not now')
        },
      ],
    ])('lets the timeout go on for %s', async (_, callback) => {
      const id = await add({ timeoutMs: 20 })
      await api.run({
        work: async (_payload, signal, ctx) => {
          ctx.onTimeout(callback)
          await untilAborted(signal)
        },
      })
      expect(await errors(id)).toEqual(['Job timed out after 20 ms'])
    })

    it('keeps the latest callback only', async () => {
      const id = await add({ timeoutMs: 20 })
      const first = vi.fn<() => number>(() => 10_000)
      await api.run({
        work: async (_payload, signal, ctx) => {
          ctx.onTimeout(first)
          ctx.onTimeout(() => undefined)
          await untilAborted(signal)
        },
      })
      expect(first).not.toHaveBeenCalled()
      expect((await api.job(id)).failureReason).toBe('timeout')
    })

    it('is never called without a limit, or after the end', async () => {
      const callback = vi.fn<() => undefined>()
      await add()
      await add({ timeoutMs: 60_000 })
      await api.run({ work: async (_payload, _signal, ctx) => ctx.onTimeout(callback) })
      expect(callback).not.toHaveBeenCalled()
    })
  })

  it('that are over can neither report nor prolong', async () => {
    const id = await add()
    let kept: JobContext | undefined
    await api.run({
      work: (_payload, _signal, ctx) => {
        kept = ctx
        return 'real'
      },
    })
    kept?.prolong(5)
    await expect(kept?.setProgress(50)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await expect(kept?.setOutput('late')).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect(await api.job(id)).toMatchObject({ progress: null, output: 'real' })
  })
})

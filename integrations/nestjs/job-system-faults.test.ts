import type { JobEntity, JobHandlerFn } from '@millrace/nestjs/job-system'
import { getDataSourceToken } from '@nestjs/typeorm'
import type { DataSource } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { poll, serverUrl } from './database.ts'
import { ended, handle, useJobSystem } from './job-system-lab.ts'

/** What went wrong with the jobs of the job system, or was missing: each with the opposite expectation. */
describe.skipIf(serverUrl === '')('the jobs of the job system', () => {
  const { apps, boot } = useJobSystem('nest_faults')

  test('1c 5: `runImmediately` is an ordinary row: nothing is lost with the process that registered it', async () => {
    const web = await boot({ run: false })
    handle(web, 'immediate', async () => {
      throw new Error('not in a process with `run: false`')
    })
    web.startCheckingJobs()
    const job = await web.registerJob({
      type: 'immediate',
      runImmediately: true,
      scheduledAt: new Date(Date.now() + 3_600_000),
    })
    await Promise.all(apps.splice(0).map((app) => app.close()))
    const worker = await boot()
    handle(worker, 'immediate', async () => undefined)
    expect(await ended(worker, job)).toMatchObject({ status: 'success', attempts: 1 })
  })

  test('1c 5, 9: a job registered in a transaction is there if and only if it commits', async () => {
    const jobSystem = await boot()
    const source = apps[0]?.get<DataSource>(getDataSourceToken('app_data'))
    const seen: unknown[] = []
    handle(jobSystem, 'transactional', async (_update, _isCancelled, { job }) => void seen.push(job.data))
    const undone = source?.transaction(async (manager) => {
      await jobSystem.registerJob({ type: 'transactional', data: 'undone', runImmediately: true }, { manager })
      throw new Error('rolled back')
    })
    await expect(undone).rejects.toThrow('rolled back')
    const job = await source?.transaction((manager) =>
      jobSystem.registerJob({ type: 'transactional', data: 'done', runImmediately: true }, { manager }),
    )
    expect(job && (await ended(jobSystem, job))).toMatchObject({ status: 'success', data: 'done' })
    expect(seen).toEqual(['done'])
  })

  test('1c 6, 2: a job that runs for longer than the lease is not joined, whoever starts meanwhile', async () => {
    const first = await boot({ leaseMs: 2000 })
    let running = 0
    let most = 0
    const source = apps[0]?.get<DataSource>(getDataSourceToken('app_data'))
    const long: JobHandlerFn<{ job: JobEntity }> = async () => {
      running += 1
      most = Math.max(most, running)
      // Until the lease has been extended past twice its length, by the database's clock.
      const [start]: { at: Date }[] = (await source?.query('select clock_timestamp() as at')) ?? []
      await poll(async () => {
        const rows: { past: boolean }[] | undefined = await source?.query(
          `select min(w.expires_at) > $1::timestamptz + interval '6 s' as past from millrace.workers w`,
          [start?.at],
        )
        return rows?.[0]?.past
      })
      running -= 1
    }
    handle(first, 'long', long)
    const jobs = [await first.registerJob({ type: 'long' }), await first.registerJob({ type: 'long' })]
    await poll(() => running === 1)
    const second = await boot({ leaseMs: 2000 })
    handle(second, 'long', long)
    const results = await Promise.all(jobs.map((job) => ended(second, job)))
    expect(results).toMatchObject([
      { status: 'success', attempts: 1 },
      { status: 'success', attempts: 1 },
    ])
    expect(most).toBe(1)
  }, 40_000)

  test('1c 7: attempts, a time limit, priorities and keys, where a job asks for them', async () => {
    const jobSystem = await boot()
    let tries = 0
    handle(jobSystem, 'flaky', async () => {
      tries += 1
      if (tries < 3) throw new Error(`try ${tries}`)
    })
    const flaky = await jobSystem.registerJob({ type: 'flaky', maxAttempts: 3, retryDelay: 0 })
    expect(await ended(jobSystem, flaky)).toMatchObject({ status: 'success', attempts: 3, error: 'try 2' })

    handle(jobSystem, 'slow', (_update, _isCancelled, _context, signal) => {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    })
    const slow = await jobSystem.registerJob({ type: 'slow', timeoutMs: 50, maxAttempts: 1 })
    expect(await ended(jobSystem, slow)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('timed out after 50 ms'),
    })

    const key = { type: 'unheard of', idempotencyKey: 'once' }
    expect((await jobSystem.registerJob(key)).id).toBe((await jobSystem.registerJob(key)).id)

    const order: string[] = []
    const scheduledAt = new Date(Date.now() + 300)
    await jobSystem.registerJob({ type: 'ordered', name: 'low', scheduledAt })
    const last = await jobSystem.registerJob({ type: 'ordered', name: 'high', priority: 5, scheduledAt })
    await poll(() => Date.now() > scheduledAt.getTime())
    handle(jobSystem, 'ordered', async (_update, _isCancelled, { job }) => void order.push(String(job.name)))
    await ended(jobSystem, last)
    await poll(() => order.length === 2)
    expect(order).toEqual(['high', 'low'])
  })

  test('1c 7: what failed keeps its history, is found and tried again, and what is old can be cleared away', async () => {
    const jobSystem = await boot()
    const { queue } = jobSystem
    let works = false
    handle(jobSystem, 'kept', async () => {
      if (!works) throw new Error('the printer is on fire')
    })
    const job = await jobSystem.registerJob({ type: 'kept' })
    await ended(jobSystem, job)
    const id = Number(job.id)
    expect(await queue.getJobs({ jobType: 'kept', status: 'failed', final: true })).toMatchObject([{ id }])
    const events = (await queue.getJobEvents(id)).map(({ eventType }) => eventType)
    expect(events).toEqual(['added', 'processing', 'failed'])
    works = true
    expect(await queue.redrive({ jobType: 'kept' })).toEqual([id])
    expect(await poll(async () => (await jobSystem.getJob(id.toString()))?.status === 'success')).toBe(true)
    await queue
      .getPool()
      .query(`update millrace.finished_jobs set finished_at = finished_at - interval '3 days' where id = $1`, [id])
    await queue.cleanupOldJobs(2)
    expect(await jobSystem.getJob(id.toString())).toBeNull()
  })

  test('1c 13: a handler is told of a cancellation by its signal, without asking', async () => {
    const jobSystem = await boot()
    const reasons: unknown[] = []
    let began = false
    handle(jobSystem, 'signalled', (_update, _isCancelled, _context, signal) => {
      began = true
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          reject(signal.reason as Error)
        })
      })
    })
    const job = await jobSystem.registerJob({ type: 'signalled' })
    await poll(() => began)
    expect(await jobSystem.cancelJob(job, 'Ada')).toBe(true)
    expect(await ended(jobSystem, job)).toMatchObject({ status: 'canceled' })
    expect(reasons).toMatchObject([{ code: 'JOB_CANCELLED' }])
  })

  test('1c 14: two applications in one database share neither jobs nor types, each in a schema of its own', async () => {
    const [billing, shipping] = [await boot({ schema: 'billing' }), await boot({ schema: 'shipping' })]
    const seen: string[] = []
    // The same name of a type, and ids that are the same too.
    handle(billing, 'report', async (_update, _isCancelled, { job }) => void seen.push(`billing ran ${job.name}`))
    const jobs = await Promise.all(
      [billing, shipping].map((app, n) => app.registerJob({ type: 'report', name: ['invoices', 'parcels'][n] })),
    )
    expect(jobs[0]?.id).toBe(jobs[1]?.id)
    if (jobs[0]) await ended(billing, jobs[0])
    expect(await shipping.getJob(jobs[1]?.id ?? '')).toMatchObject({ status: 'scheduled', name: 'parcels' })
    handle(shipping, 'report', async (_update, _isCancelled, { job }) => void seen.push(`shipping ran ${job.name}`))
    if (jobs[1]) await ended(shipping, jobs[1])
    expect(seen).toEqual(['billing ran invoices', 'shipping ran parcels'])
  })

  test('1c 8: a job added by another process begins without waiting for a poll', async () => {
    const worker = await boot()
    handle(worker, 'prompt', async () => undefined)
    await ended(worker, await worker.registerJob({ type: 'prompt' }))
    const web = await boot({ run: false })
    const job = await web.registerJob({ type: 'prompt', runImmediately: true })
    const { startedAt, createdAt } = await ended(web, job)
    // An idle worker polls every five seconds.
    expect(Number(startedAt) - Number(createdAt)).toBeLessThan(3000)
  })

  test('a handler that returns because it was told to stop has not done its job', async () => {
    const jobSystem = await boot({ drainMs: 50 })
    let began = 0
    const obedient: JobHandlerFn<{ job: JobEntity }> = async (_update, isCancelled) => {
      began += 1
      await poll(() => isCancelled())
    }
    handle(jobSystem, 'obedient', obedient)
    const cancelled = await jobSystem.registerJob({ type: 'obedient' })
    await poll(() => began === 1)
    await jobSystem.cancelJob(cancelled)
    expect(await ended(jobSystem, cancelled)).toMatchObject({ status: 'canceled' })

    const interrupted = await jobSystem.registerJob({ type: 'obedient' })
    await poll(() => began === 2)
    await Promise.all(apps.splice(0).map((app) => app.close()))
    const next = await boot()
    expect(await next.getJob(interrupted)).toMatchObject({ status: 'scheduled', attempts: 0, finishedAt: null })
    handle(next, 'obedient', async () => undefined)
    expect(await ended(next, interrupted)).toMatchObject({ status: 'success', attempts: 1 })
  })

  test('`scheduleDueJobs` runs what is due in a process that does not do so by itself', async () => {
    const jobSystem = await boot({ run: false })
    const seen: string[] = []
    handle(jobSystem, 'by timer', async (_update, _isCancelled, { job }) => void seen.push(job.id))
    const job = await jobSystem.registerJob({ type: 'by timer' })
    expect(await jobSystem.scheduleDueJobs()).toBe(1)
    expect(seen).toEqual([job.id])
    expect(await jobSystem.scheduleDueJobs()).toBe(0)
  })

  test('jobs that ask for it run beside others of their type', async () => {
    const jobSystem = await boot()
    let running = 0
    handle(jobSystem, 'beside', async () => {
      running += 1
      await poll(() => running === 2)
    })
    const jobs = [
      await jobSystem.registerJob({ type: 'beside', parallel: true }),
      await jobSystem.registerJob({ type: 'beside', parallel: true }),
    ]
    for (const job of jobs) expect(await ended(jobSystem, job)).toMatchObject({ status: 'success' })
    expect(await jobSystem.queue.checkInvariants()).toEqual([])
  })
})

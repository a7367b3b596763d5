import { describe, expect, it, vi } from 'vitest'
import { hasServer, useApi } from '../support/api-queue.ts'
import { poll } from '../support/poll.ts'

// specs/job-queue.md, section 20: reclaiming, cleaning up, and the supervisor that does both.

describe.skipIf(!hasServer)('maintenance', () => {
  const api = useApi('api_maintenance')
  const add = (options: object = {}): Promise<number> => api.queue.addJob({ jobType: 'work', payload: {}, ...options })

  async function completed(daysAgo = 0): Promise<number> {
    const id = await add()
    await api.run({ work: () => undefined })
    await api.sql("update :schema.finished_jobs set finished_at = finished_at - $2 * interval '1 day' where id = $1", [
      id,
      daysAgo,
    ])
    return id
  }

  /** A job whose worker claimed it and has been silent for longer than its lease. */
  async function abandoned(options: object = {}): Promise<number> {
    const id = await add(options)
    await api.sql(
      `with worker as (
         insert into :schema.workers (worker_id, host, pid, version, concurrency, started_at, last_seen_at, expires_at, sleeping)
           select 'gone', 'host', 1, '0', 1, long_ago, long_ago, long_ago, false from (select now() - interval '1 minute' as long_ago) t returning id),
       taken as (
         update :schema.jobs j set lane = 'x', token = nextval(':schema.lease_tokens'), worker = w.id, locked_by = 'gone', attempts = attempts + 1,
           claimed_at = now(), started_at = now() from worker w where j.id = $1 returning j.token, j.worker)
       insert into :schema.leases (token, worker, job_ids) select token, worker, array[$1::bigint] from taken`,
      [id],
    )
    return id
  }

  describe('reclaimStuckJobs', () => {
    it('makes jobs of vanished workers pending again, with the attempt used up', async () => {
      const id = await abandoned()
      expect((await api.job(id)).status).toBe('processing')
      expect(await api.queue.reclaimStuckJobs()).toBe(1)
      expect(await api.job(id)).toMatchObject({ status: 'pending', attempts: 1, lockedAt: null, lockedBy: null })
      expect(await api.history(id)).toEqual(['added', 'processing', 'reclaimed'])
      expect(await api.run({ work: () => 'second time' })).toBe(1)
      expect(await api.job(id)).toMatchObject({ status: 'completed', attempts: 2 })
    })

    it.each([0.5, 10, 10_000])('does not wait %d minutes for a worker that is known to be gone', async (minutes) => {
      const id = await abandoned({ timeoutMs: 3_600_000 })
      expect(await api.queue.reclaimStuckJobs(minutes)).toBe(1)
      expect((await api.job(id)).status).toBe('pending')
      expect(await api.queue.reclaimStuckJobs(minutes)).toBe(0)
    })

    it('refuses minutes that make no sense', async () => {
      await expect(api.queue.reclaimStuckJobs(-1)).rejects.toMatchObject({ details: { field: 'minutes' } })
    })

    it('never takes the job of a live worker', async () => {
      const id = await add()
      await api.run({
        work: async () => {
          expect(await api.queue.reclaimStuckJobs(0)).toBe(0)
          return 'mine'
        },
      })
      expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'mine', attempts: 1 })
    })

    it('ends a job whose last attempt was lost, as a dead letter', async () => {
      const id = await abandoned({ maxAttempts: 1, deadLetterJobType: 'dead' })
      expect(await api.queue.reclaimStuckJobs()).toBe(1)
      const job = await api.job(id)
      expect(job).toMatchObject({ status: 'failed', failureReason: 'worker_lost', nextAttemptAt: null })
      expect((await api.job(job.deadLetterJobId ?? 0)).jobType).toBe('dead')
    })
  })

  describe('cleanupOldJobs', () => {
    it('deletes completed jobs older than the days given, 30 by default', async () => {
      const old = await completed(31)
      const recent = await completed(29)
      expect(await api.queue.cleanupOldJobs()).toBe(1)
      expect(await api.queue.getJob(old)).toBeNull()
      expect(await api.queue.getJobEvents(old)).toEqual([])
      expect((await api.job(recent)).status).toBe('completed')
      expect(await api.queue.cleanupOldJobs(28.5)).toBe(1)
    })

    it('goes on batch by batch until none is left', async () => {
      await api.queue.addJobs(Array.from({ length: 7 }, () => ({ jobType: 'work', payload: {} })))
      await api.run({ work: () => undefined })
      await api.sql("update :schema.finished_jobs set finished_at = finished_at - interval '31 days'")
      expect(await api.queue.cleanupOldJobs(30, 2)).toBe(7)
    })

    it('leaves everything that has not completed', async () => {
      const pending = await add()
      const cancelled = await add()
      await api.queue.cancelJob(cancelled)
      await api.sql("update :schema.jobs set created_at = created_at - interval '400 days'")
      await api.sql("update :schema.failed_jobs set finished_at = finished_at - interval '400 days'")
      expect(await api.queue.cleanupOldJobs(0)).toBe(0)
      expect((await api.job(pending)).status).toBe('pending')
      expect((await api.job(cancelled)).status).toBe('cancelled')
    })

    it('deletes failed and cancelled jobs when told to, and then only those', async () => {
      const old = await completed(400)
      const cancelled = await add()
      await api.queue.cancelJob(cancelled)
      const failed = await add({ maxAttempts: 1 })
      await api.run({
        work: () => {
          throw new Error('no')
        },
      })
      await api.sql("update :schema.failed_jobs set finished_at = finished_at - interval '31 days'")
      expect(await api.queue.cleanupOldJobs(30, 10, { statuses: ['cancelled'] })).toBe(1)
      expect(await api.queue.getJob(cancelled)).toBeNull()
      expect((await api.job(failed)).status).toBe('failed')
      expect(await api.queue.cleanupOldJobs(30, 10, { statuses: ['failed', 'cancelled', 'failed'] })).toBe(1)
      expect(await api.queue.getJob(failed)).toBeNull()
      expect((await api.job(old)).status).toBe('completed')
    })

    it.each([[[]], [['pending']], ['failed'], [null]])('refuses the statuses %j', async (statuses) => {
      const options = JSON.parse(JSON.stringify({ statuses })) as object
      await expect(api.queue.cleanupOldJobs(30, 10, options)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        details: { field: 'statuses' },
      })
    })

    it('refuses days and batch sizes that make no sense', async () => {
      await expect(api.queue.cleanupOldJobs(-1)).rejects.toMatchObject({ details: { field: 'days' } })
      await expect(api.queue.cleanupOldJobs(30, 0)).rejects.toMatchObject({ details: { field: 'batchSize' } })
    })
  })

  it('cleanupOldJobEvents drops the trail of old jobs, and keeps the jobs', async () => {
    const id = await add({ retryDelay: 0 })
    const fail = (): never => {
      throw new Error('once')
    }
    await api.run({ work: fail })
    await api.run({ work: () => undefined })
    expect(await api.queue.cleanupOldJobEvents()).toBe(0)
    await api.sql("update :schema.finished_jobs set finished_at = finished_at - interval '31 days'")
    expect(await api.queue.cleanupOldJobEvents()).toBeGreaterThan(0)
    expect((await api.job(id)).status).toBe('completed')
    expect(await api.history(id)).not.toContain('failed')
  })

  describe('the supervisor', () => {
    it('runs everything once and answers the counts', async () => {
      await completed(40)
      await abandoned()
      const result = await api.queue.createSupervisor().start()
      expect(result).toEqual({ reclaimedJobs: 1, cleanedUpJobs: 1, cleanedUpEvents: 0, expiredTokens: 0 })
    })

    it('does what its options say', async () => {
      const old = await completed(40)
      const lost = await abandoned()
      const off = { reclaimStuckJobs: false, cleanupJobsDaysToKeep: 0, cleanupEventsDaysToKeep: 0 }
      expect(await api.queue.createSupervisor(off).start()).toMatchObject({ reclaimedJobs: 0, cleanedUpJobs: 0 })
      expect((await api.job(old)).status).toBe('completed')
      expect((await api.job(lost)).status).toBe('processing')
      const longer = { cleanupJobsDaysToKeep: 50 }
      expect(await api.queue.createSupervisor(longer).start()).toMatchObject({ reclaimedJobs: 1, cleanedUpJobs: 0 })
    })

    it('deletes failed and cancelled jobs by options of their own, by default none', async () => {
      const cancelled = await add()
      await api.queue.cancelJob(cancelled)
      const failed = await add({ maxAttempts: 1 })
      await api.run({
        work: () => {
          throw new Error('no')
        },
      })
      await api.sql("update :schema.failed_jobs set finished_at = finished_at - interval '400 days'")
      expect(await api.queue.createSupervisor().start()).toMatchObject({ cleanedUpJobs: 0 })
      const options = { cleanupFailedJobsDaysToKeep: 500, cleanupCancelledJobsDaysToKeep: 30 }
      expect(await api.queue.createSupervisor(options).start()).toMatchObject({ cleanedUpJobs: 1 })
      expect(await api.queue.getJob(cancelled)).toBeNull()
      const all = { cleanupFailedJobsDaysToKeep: 300 }
      expect(await api.queue.createSupervisor(all).start()).toMatchObject({ cleanedUpJobs: 1 })
      expect(await api.queue.getJob(failed)).toBeNull()
    })

    it('goes on when a task fails, telling onError and the error event', async () => {
      await abandoned()
      await api.sql('alter function :schema.delete_finished rename to delete_finished_away')
      const onError = vi.fn<(data: unknown) => void>()
      const listener = vi.fn<(data: unknown) => void>()
      api.queue.on('error', listener)
      const result = await api.queue.createSupervisor({ onError }).start()
      await api.sql('alter function :schema.delete_finished_away rename to delete_finished')
      expect(result).toMatchObject({ reclaimedJobs: 1, cleanedUpJobs: 0 })
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(Error))
      expect(listener).toHaveBeenCalledOnce()
    })

    it('works in the background from now on, until stopped', async () => {
      const supervisor = api.queue.createSupervisor({ intervalMs: 100 })
      expect(supervisor.isRunning()).toBe(false)
      supervisor.startInBackground()
      supervisor.startInBackground()
      expect(supervisor.isRunning()).toBe(true)
      const first = await abandoned()
      await poll(async () => (await api.job(first)).status === 'pending')
      const second = await abandoned()
      await poll(async () => (await api.job(second)).status === 'pending')
      await supervisor.stopAndDrain()
      expect(supervisor.isRunning()).toBe(false)
    })

    it('can be stopped before it was started, and drained twice', async () => {
      const supervisor = api.queue.createSupervisor()
      supervisor.stop()
      await supervisor.stopAndDrain()
      await supervisor.stopAndDrain(10)
      expect(supervisor.isRunning()).toBe(false)
    })

    it('refuses options that make no sense', () => {
      expect(() => api.queue.createSupervisor({ intervalMs: -1 })).toThrow(/intervalMs/)
      expect(() => api.queue.createSupervisor({ cleanupBatchSize: 0 })).toThrow(/cleanupBatchSize/)
    })
  })
})

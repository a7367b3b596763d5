import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batchDepRef } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 6 and appendix B: `addJob` and `addJobs`.

describe.skipIf(!hasServer)('adding jobs', () => {
  const api = useApi('api_adding')

  describe('addJob', () => {
    it('answers the id, and fills in every default', async () => {
      const id = await api.queue.addJob({ jobType: 'email', payload: { to: 'a@example.org' } })
      const job = await api.job(id)
      expect(job).toMatchObject({
        id,
        jobType: 'email',
        payload: { to: 'a@example.org' },
        status: 'pending',
        attempts: 0,
        maxAttempts: 3,
        priority: 0,
        timeoutMs: null,
        forceKillOnTimeout: false,
        tags: null,
        idempotencyKey: null,
        retryDelay: null,
        retryBackoff: null,
        retryDelayMax: null,
        deadLetterJobType: null,
        groupId: null,
        groupTier: null,
        dependsOnJobIds: null,
        dependsOnTags: null,
        errorHistory: [],
        nextAttemptAt: null,
        lockedAt: null,
        lockedBy: null,
        startedAt: null,
        completedAt: null,
        lastRetriedAt: null,
        lastFailedAt: null,
        lastCancelledAt: null,
        failureReason: null,
        pendingReason: null,
        progress: null,
        output: null,
        deadLetteredAt: null,
        deadLetterJobId: null,
      })
      expect(job.runAt).toEqual(job.createdAt)
      expect(job.updatedAt).toEqual(job.createdAt)
      expect(Math.abs(Date.now() - job.createdAt.getTime())).toBeLessThan(60_000)
    })

    it('keeps every option as given', async () => {
      const runAt = new Date(Date.now() + 3_600_000)
      const options = {
        jobType: 'email',
        payload: { n: 1 },
        maxAttempts: 7,
        priority: -5,
        runAt,
        timeoutMs: 30_000,
        forceKillOnTimeout: true,
        tags: ['b', 'a'],
        idempotencyKey: 'once',
        retryDelay: 1.5,
        retryBackoff: false,
        retryDelayMax: 90,
        deadLetterJobType: 'email.dead',
      }
      const id = await api.queue.addJob({ ...options, group: { id: 'customer-1', tier: 'gold' } })
      expect(await api.job(id)).toMatchObject({ ...options, groupId: 'customer-1', groupTier: 'gold' })
    })

    it('takes a time limit of 30 days', async () => {
      const timeoutMs = 30 * 86_400_000
      const id = await api.queue.addJob({ jobType: 'email', payload: {}, timeoutMs })
      expect((await api.job(id)).timeoutMs).toBe(timeoutMs)
    })

    it.each([null, undefined, new Date(0)])('takes runAt %s as now', async (runAt) => {
      const id = await api.queue.addJob({ jobType: 'email', payload: {}, runAt })
      expect(await api.run({ email: () => undefined })).toBe(1)
      expect((await api.job(id)).status).toBe('completed')
    })

    it('does not run a job before its time', async () => {
      const id = await api.queue.addJob({ jobType: 'email', payload: {}, runAt: new Date(Date.now() + 60_000) })
      expect(await api.run({ email: () => undefined })).toBe(0)
      expect((await api.job(id)).status).toBe('pending')
    })

    it('runs higher priorities first, and equal ones in the order they were added', async () => {
      for (const [n, priority] of [0, 10, -1, 10, 0].entries()) {
        await api.queue.addJob({ jobType: 'email', payload: { n }, priority })
      }
      const order: unknown[] = []
      await api.run({ email: (payload) => void order.push(Reflect.get(Object(payload), 'n')) }, { concurrency: 1 })
      expect(order).toEqual([1, 3, 0, 4, 2])
    })

    it('records that the job was added, with its type, tags and key', async () => {
      const id = await api.queue.addJob({ jobType: 'email', payload: { n: 1 }, tags: ['a'], idempotencyKey: 'k' })
      const [event, ...others] = await api.queue.getJobEvents(id)
      expect(others).toEqual([])
      expect(event).toMatchObject({
        jobId: id,
        eventType: 'added',
        metadata: { jobType: 'email', tags: ['a'], idempotencyKey: 'k' },
      })
    })

    it.each([
      [{ jobType: '' }, 'jobType'],
      [{ maxAttempts: 0 }, 'maxAttempts'],
      [{ maxAttempts: 1.5 }, 'maxAttempts'],
      [{ priority: 3e9 }, 'priority'],
      [{ timeoutMs: 0 }, 'timeoutMs'],
      [{ retryDelay: -1 }, 'retryDelay'],
      [{ runAt: new Date(Number.NaN) }, 'runAt'],
      [{ tags: 'a' }, 'tags'],
      [{ group: {} }, 'group.id'],
      [{ retries: 3 }, 'retries'],
    ])('rejects %j, naming the option, and adds nothing', async (options, field) => {
      const job = { jobType: 'email', payload: {}, ...options }
      await expect(api.queue.addJob(job as never)).rejects.toMatchObject({ code: 'OPTION_INVALID', details: { field } })
      expect(await api.queue.getAllJobs()).toEqual([])
    })

    it('rejects an id that stands for another job of a batch', async () => {
      const job = { jobType: 'email', payload: {}, dependsOn: { jobIds: [batchDepRef(0)] } }
      const message = 'dependsOn.jobIds: batch-relative (negative) ids are only supported in addJobs()'
      await expect(api.queue.addJob(job)).rejects.toThrow(message)
    })
  })

  describe('payloads', () => {
    it.each([[[1, 'two', null]], ['text'], [null], [0], [false], [{ deep: { list: [{}] } }]])(
      'delivers %j unaltered',
      async (payload) => {
        const id = await api.queue.addJob({ jobType: 'email', payload })
        const seen: unknown[] = []
        await api.run({ email: (given) => void seen.push(given) })
        expect(seen).toEqual([payload])
        expect((await api.job(id)).payload).toEqual(payload)
      },
    )

    it('refuses what JSON would alter, naming the path', async () => {
      const adding = api.queue.addJob({ jobType: 'email', payload: { items: [1, Number.NaN] } })
      await expect(adding).rejects.toMatchObject({ code: 'PAYLOAD_INVALID', details: { field: 'payload.items[1]' } })
    })
  })

  describe('addJobs', () => {
    it('answers an empty list for an empty list, without asking the database', async () => {
      const queue = api.open({ databaseConfig: { connectionString: 'postgres://nobody@127.0.0.1:1/nothing' } })
      expect(await queue.addJobs([])).toEqual([])
    })

    it('answers ids in the order given, each job with its own options', async () => {
      const ids = await api.queue.addJobs([
        { jobType: 'email', payload: { n: 0 }, priority: 1 },
        { jobType: 'sms', payload: { n: 1 }, tags: ['a'], runAt: new Date(Date.now() + 60_000) },
        { jobType: 'email', payload: { n: 2 }, maxAttempts: 1 },
      ])
      const jobs = await Promise.all(ids.map((id) => api.job(id)))
      expect(jobs.map((job) => job.payload)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
      expect(
        jobs.map(({ jobType, priority, tags, maxAttempts }) => ({ jobType, priority, tags, maxAttempts })),
      ).toEqual([
        { jobType: 'email', priority: 1, tags: null, maxAttempts: 3 },
        { jobType: 'sms', priority: 0, tags: ['a'], maxAttempts: 3 },
        { jobType: 'email', priority: 0, tags: null, maxAttempts: 1 },
      ])
    })

    it('takes 10,000 jobs at once', async () => {
      const ids = await api.queue.addJobs(
        Array.from({ length: 10_000 }, (_, n) => ({ jobType: 'email', payload: { n } })),
      )
      expect(new Set(ids).size).toBe(10_000)
      expect((await api.job(ids[9999] ?? 0)).payload).toEqual({ n: 9999 })
    })

    it('adds all or none, and says which job is at fault', async () => {
      const jobs = [
        { jobType: 'email', payload: {} },
        { jobType: 'email', payload: {}, maxAttempts: 0 },
      ]
      await expect(api.queue.addJobs(jobs)).rejects.toMatchObject({ details: { field: 'jobs[1].maxAttempts' } })
      expect(await api.queue.getAllJobs()).toEqual([])
    })
  })

  describe('idempotency keys', () => {
    it('answers the first id for a second add, and changes nothing', async () => {
      const first = await api.queue.addJob({ jobType: 'email', payload: { n: 1 }, idempotencyKey: 'k', priority: 1 })
      const second = await api.queue.addJob({ jobType: 'sms', payload: { n: 2 }, idempotencyKey: 'k', priority: 9 })
      expect(second).toBe(first)
      expect(await api.job(first)).toMatchObject({ jobType: 'email', payload: { n: 1 }, priority: 1 })
      expect(await api.history(first)).toEqual(['added'])
    })

    it('holds whatever became of the job', async () => {
      const id = await api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'k' })
      await api.run({ email: () => undefined })
      expect(await api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'k' })).toBe(id)
    })

    it('is free again once the job is cleaned up', async () => {
      const id = await api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'k' })
      await api.run({ email: () => undefined })
      expect(await api.queue.cleanupOldJobs(0)).toBe(1)
      expect(await api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'k' })).toBeGreaterThan(id)
    })

    it('is resolved for each job of a batch, also between jobs of the same batch', async () => {
      const old = await api.queue.addJob({ jobType: 'email', payload: { n: 0 }, idempotencyKey: 'old' })
      const keys = ['new', undefined, 'old', 'new']
      const ids = await api.queue.addJobs(
        keys.map((idempotencyKey, n) => ({ jobType: 'email', payload: { n }, idempotencyKey })),
      )
      expect(ids[2]).toBe(old)
      expect(ids[3]).toBe(ids[0])
      expect(new Set(ids).size).toBe(3)
      expect(await api.queue.getAllJobs()).toHaveLength(3)
    })

    it('lets one of many simultaneous adds win', async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, () => api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'race' })),
      )
      expect(new Set(ids).size).toBe(1)
    })
  })

  describe('in a transaction of the caller', () => {
    let pool: pg.Pool | undefined
    const client = async (): Promise<pg.PoolClient> => {
      if (pool === undefined) throw new Error('made before the tests')
      return pool.connect()
    }
    beforeAll(() => {
      pool = new pg.Pool({ connectionString: serverUrl, max: 2 })
    })
    afterAll(async () => pool?.end())

    it('adds when it commits: unseen before, there after', async () => {
      const db = await client()
      await db.query('begin')
      const id = await api.queue.addJob({ jobType: 'email', payload: {} }, { db })
      const ids = await api.queue.addJobs([{ jobType: 'sms', payload: {} }], { db })
      expect(await api.queue.getAllJobs()).toEqual([])
      await db.query('commit')
      db.release()
      expect((await api.queue.getAllJobs()).map((job) => job.id)).toEqual([...ids, id])
      expect(await api.history(id)).toEqual(['added'])
    })

    it('adds nothing when it rolls back', async () => {
      const db = await client()
      await db.query('begin')
      const id = await api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'k' }, { db })
      await db.query('rollback')
      db.release()
      expect(await api.queue.getJob(id)).toBeNull()
      expect(await api.queue.addJob({ jobType: 'email', payload: {}, idempotencyKey: 'k' })).not.toBe(id)
    })

    it('neither commits nor gives back the connection', async () => {
      const db = await client()
      await db.query('begin')
      await api.queue.addJob({ jobType: 'email', payload: {} }, { db })
      const { rows } = await db.query('select pg_current_xact_id_if_assigned() is not null as open')
      expect(rows).toEqual([{ open: true }])
      await db.query('rollback')
      db.release()
    })

    it('sends one statement through anything with a `query`', async () => {
      const db = await client()
      const texts: string[] = []
      const through = {
        query: (text: string, values?: unknown[]) => {
          texts.push(text)
          return db.query(text, values)
        },
      }
      await api.queue.addJobs(
        Array.from({ length: 5 }, () => ({ jobType: 'email', payload: {} })),
        { db: through },
      )
      db.release()
      expect(texts).toHaveLength(1)
      expect(await api.queue.getAllJobs()).toHaveLength(5)
    })
  })
})

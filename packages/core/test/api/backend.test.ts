import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FailureReason, PostgresBackend, type QueueBackend } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, sections 2 and 10: jobs claimed and settled by hand, through `PostgresBackend`.

describe.skipIf(!hasServer)('PostgresBackend', () => {
  const api = useApi('api_backend')
  const pools: pg.Pool[] = []
  const backends: PostgresBackend[] = []

  /** A backend over a pool of its own: what another process would have. */
  function elsewhere(): PostgresBackend {
    const pool = new pg.Pool({ connectionString: serverUrl, max: 2 })
    pools.push(pool)
    const made = new PostgresBackend(pool, { schema: 'api_backend' })
    backends.push(made)
    return made
  }

  let own: PostgresBackend | undefined
  const backend = (): QueueBackend => (own ??= elsewhere())
  const add = (options: object = {}): Promise<number> =>
    backend().addJob({ jobType: 'work', payload: { n: 1 }, ...options })

  beforeAll(() => {
    own = undefined
  })
  afterAll(async () => {
    await Promise.all(backends.map((made) => made.close()))
    await Promise.all(pools.map((pool) => pool.end()))
  })

  it('adds, reads, changes and cleans up as the queue does', async () => {
    const [first, second] = await backend().addJobs([
      { jobType: 'work', payload: { n: 1 }, tags: ['a'] },
      { jobType: 'work', payload: { n: 2 } },
    ])
    if (first === undefined || second === undefined) throw new Error('two jobs were added')
    expect(await backend().getJob(first)).toEqual(await api.job(first))
    for (const jobs of [
      await backend().getJobs(),
      await backend().getAllJobs(),
      await backend().getJobsByStatus('pending'),
    ]) {
      expect(jobs.map((job) => job.id)).toEqual([second, first])
    }
    expect((await backend().getJobsByTags(['a'])).map((job) => job.id)).toEqual([first])
    await backend().editJob(first, { priority: 3 })
    expect(await backend().editAllPendingJobs(undefined, { maxAttempts: 5 })).toBe(2)
    await backend().cancelJob(first)
    await backend().retryJob(first)
    expect((await backend().getJobEvents(first)).map((event) => event.eventType)).toEqual([
      'added',
      'edited',
      'edited',
      'cancelled',
      'retried',
    ])
    expect(await backend().cancelAllUpcomingJobs()).toBe(2)
    expect(await backend().cleanupOldJobs()).toBe(0)
    expect(await backend().cleanupOldJobEvents()).toBe(0)
    expect(await backend().reclaimStuckJobs()).toBe(0)
  })

  it('claims ready jobs in order: ten unless told otherwise, and each once', async () => {
    await backend().addJobs(
      Array.from({ length: 12 }, (_, n) => ({ jobType: 'work', payload: { n }, priority: n % 2 })),
    )
    const batch = await backend().getNextBatch('me')
    expect(batch.map((job) => Reflect.get(Object(job.payload), 'n'))).toEqual([1, 3, 5, 7, 9, 11, 0, 2, 4, 6])
    expect(batch[0]).toMatchObject({ status: 'processing', lockedBy: 'me', attempts: 1 })
    expect(batch[0]?.startedAt).toBeInstanceOf(Date)
    expect(await backend().getNextBatch('you', 1)).toHaveLength(1)
    expect(await backend().getNextBatch('me')).toHaveLength(1)
    expect(await backend().getNextBatch('me')).toEqual([])
  })

  it('claims only the types asked for, and nothing before its time', async () => {
    const sms = await add({ jobType: 'sms' })
    await add()
    await add({ jobType: 'sms', runAt: new Date(Date.now() + 60_000) })
    expect((await backend().getNextBatch('me', 5, 'sms')).map((job) => job.id)).toEqual([sms])
    expect(await backend().getNextBatch('me', 5, ['push', 'sms'])).toEqual([])
  })

  it('holds a group to its limit', async () => {
    for (let n = 0; n < 3; n++) await add({ group: { id: 'g' } })
    const [job] = await backend().getNextBatch('limited', 10, undefined, 1)
    expect(await backend().getNextBatch('limited', 10, undefined, 1)).toEqual([])
    await backend().completeJob(job?.id ?? 0)
    expect(await backend().getNextBatch('limited', 10, undefined, 1)).toHaveLength(1)
  })

  it('completes a claimed job, with an output or the one set before', async () => {
    const [a, b, c] = [await add(), await add(), await add()]
    await backend().getNextBatch('me')
    await backend().completeJob(a, { url: 'x' })
    await backend().updateOutput(b, { interim: true })
    await backend().updateProgress(b, 41.6)
    await backend().completeJob(b)
    await backend().completeJob(c)
    expect(await api.job(a)).toMatchObject({ status: 'completed', output: { url: 'x' } })
    expect(await api.job(b)).toMatchObject({ status: 'completed', output: { interim: true }, progress: 42 })
    expect(await api.job(c)).toMatchObject({ status: 'completed', output: null })
  })

  it('fails a claimed job by the usual rules of retry and dead letter', async () => {
    const id = await add({ maxAttempts: 2, retryDelay: 0, deadLetterJobType: 'dead' })
    await backend().getNextBatch('me')
    await backend().failJob(id, new Error('first'))
    expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'handler_error', deadLetterJobId: null })
    await backend().getNextBatch('me')
    await backend().failJob(id, new Error('second'), FailureReason.Timeout)
    const job = await api.job(id)
    expect(job).toMatchObject({ status: 'failed', failureReason: 'timeout', nextAttemptAt: null, attempts: 2 })
    expect(job.errorHistory.map((error) => error.message)).toEqual(['first', 'second'])
    expect((await api.job(job.deadLetterJobId ?? 0)).jobType).toBe('dead')
  })

  it('fails a job that nobody runs, at the cost of an attempt', async () => {
    const id = await add()
    await backend().failJob(id, new Error('never mind'))
    expect(await api.job(id)).toMatchObject({ status: 'failed', attempts: 1 })
    expect(await api.queue.checkInvariants()).toEqual([])
  })

  it('leaves alone what it does not hold: unknown, finished, taken back, or claimed elsewhere', async () => {
    const other = elsewhere()
    const [taken] = [await add()]
    await other.getNextBatch('other')
    await backend().completeJob(taken, 'stolen')
    await backend().failJob(taken, new Error('stolen'))
    expect((await api.job(taken)).status).toBe('processing')
    await api.queue.retryJob(taken)
    await other.completeJob(taken, 'stale')
    expect(await api.job(taken)).toMatchObject({ status: 'pending', output: null })
    await backend().completeJob(987_654)
    await backend().updateProgress(987_654, 5)
    await backend().failJob(987_654, new Error('unknown'))
  })

  it('works when every call makes a backend of its own over one pool', async () => {
    const pool = new pg.Pool({ connectionString: serverUrl, max: 1 })
    const fresh = (): PostgresBackend => new PostgresBackend(pool, { schema: 'api_backend' })
    const id = await fresh().addJob({ jobType: 'work', payload: {} })
    await fresh().getNextBatch('me')
    await fresh().completeJob(id)
    expect((await api.job(id)).status).toBe('completed')
    await fresh().close()
    await pool.end()
  })

  it('records a prolongation', async () => {
    const id = await add()
    await backend().getNextBatch('me')
    await backend().prolongJob(id)
    expect(await api.history(id)).toEqual(['added', 'processing', 'prolonged'])
  })

  it('says why pending jobs are not run', async () => {
    const [work, sms] = [await add(), await add({ jobType: 'sms' })]
    await backend().setPendingReasonForUnpickedJobs('no handler', 'work')
    expect((await api.job(work)).pendingReason).toBe('no handler')
    expect((await api.job(sms)).pendingReason).toBeNull()
    await backend().setPendingReasonForUnpickedJobs('closed')
    expect((await api.job(sms)).pendingReason).toBe('closed')
    await backend().getNextBatch('me')
    expect((await api.job(work)).pendingReason).toBeNull()
  })

  it('hands back what it holds when it is closed, without using up the attempt', async () => {
    const closing = elsewhere()
    const id = await add()
    await closing.getNextBatch('me')
    await closing.close()
    expect(await api.job(id)).toMatchObject({ status: 'pending', attempts: 0 })
  })
})

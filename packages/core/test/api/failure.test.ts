import { describe, expect, it } from 'vitest'
import { anyPayload, defineJobs, fatal, initJobQueue, snooze } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 16: failure, retry, dead letter.

describe.skipIf(!hasServer)('failing jobs', () => {
  const api = useApi('api_failure')
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload: { n: 1 }, ...options })
  const fail = (): never => {
    throw new Error('no luck')
  }

  /** Runs one attempt that fails, and says how long after it the next one is due. */
  async function failOnce(id: number, before: () => Promise<unknown> = () => api.queue.retryJob(id)): Promise<number> {
    await before()
    await api.run({ work: fail })
    const { nextAttemptAt, lastFailedAt } = await api.job(id)
    return ((nextAttemptAt?.getTime() ?? Number.NaN) - (lastFailedAt?.getTime() ?? Number.NaN)) / 1000
  }

  async function delays(options: object, attempts: number): Promise<number[]> {
    const id = await add({ maxAttempts: 100, ...options })
    const seconds: number[] = []
    for (let n = 0; n < attempts; n++) seconds.push(await failOnce(id))
    return seconds
  }

  it('are failed between attempts, and say when the next one is due', async () => {
    const id = await add()
    await api.run({ work: fail })
    const job = await api.job(id)
    expect(job).toMatchObject({ status: 'failed', attempts: 1, failureReason: 'handler_error', lockedBy: null })
    expect(job.lastFailedAt).toBeInstanceOf(Date)
    expect(job.nextAttemptAt?.getTime()).toBeGreaterThan(Date.now())
    expect(await api.run({ work: fail })).toBe(0)
  })

  it('run again once the time has come', async () => {
    const id = await add({ retryDelay: 0 })
    await api.run({ work: fail })
    expect(await api.run({ work: () => 'in the end' })).toBe(1)
    const job = await api.job(id)
    expect(job).toMatchObject({ status: 'completed', attempts: 2, output: 'in the end', failureReason: null })
    expect(job.lastRetriedAt).toBeInstanceOf(Date)
  })

  it('are final when the attempts are used up', async () => {
    const id = await add({ retryDelay: 0, maxAttempts: 2 })
    await api.run({ work: fail })
    await api.run({ work: fail })
    expect(await api.job(id)).toMatchObject({ status: 'failed', attempts: 2, nextAttemptAt: null })
    expect(await api.run({ work: fail })).toBe(0)
  })

  it('keep every error: message, name, code, stack, cause, attempt and worker', async () => {
    const id = await add({ retryDelay: 0 })
    const broken = (): never => {
      throw Object.assign(new TypeError('first', { cause: new Error('deeper') }), { code: 'E_FIRST' })
    }
    await api.run({ work: broken }, { workerId: 'me' })
    await api.run({ work: () => Promise.reject(new Error('second')) }, { workerId: 'me' })
    const { errorHistory } = await api.job(id)
    expect(errorHistory).toMatchObject([
      {
        message: 'first',
        name: 'TypeError',
        code: 'E_FIRST',
        cause: [{ message: 'deeper' }],
        attempt: 1,
        workerId: 'me',
      },
      { message: 'second', attempt: 2, workerId: 'me' },
    ])
    for (const { timestamp, stack } of errorHistory) {
      expect(new Date(timestamp).toISOString()).toBe(timestamp)
      expect(stack).toContain('failure.test.ts')
    }
  })

  describe('delays', () => {
    it('are 2^attempt minutes when no retry option is set', async () => {
      expect((await delays({}, 4)).map(Math.round)).toEqual([120, 240, 480, 960])
    })

    it('never exceed a day by that formula, at any attempt', async () => {
      const id = await add({ maxAttempts: 1000 })
      await api.sql('update :schema.jobs set attempts = 70 where id = $1', [id])
      expect(Math.round(await failOnce(id))).toBe(86_400)
    })

    it('double from retryDelay, times a half to one, when any option is set', async () => {
      const seconds = await delays({ retryDelay: 10 }, 4)
      for (const [n, delay] of seconds.entries()) {
        const most = 10 * 2 ** (n + 1)
        expect(delay).toBeGreaterThanOrEqual(most / 2 - 0.01)
        expect(delay).toBeLessThanOrEqual(most + 0.01)
      }
    })

    it('start from 60 seconds when only another option is set', async () => {
      const [delay] = await delays({ retryBackoff: true }, 1)
      expect(delay).toBeGreaterThanOrEqual(59.9)
      expect(delay).toBeLessThanOrEqual(120.1)
    })

    it('do not exceed retryDelayMax', async () => {
      for (const delay of await delays({ retryDelay: 10, retryDelayMax: 15 }, 3)) {
        expect(delay).toBeGreaterThanOrEqual(7.4)
        expect(delay).toBeLessThanOrEqual(15.1)
      }
    })

    it('are always retryDelay without backoff, fractions included', async () => {
      for (const delay of await delays({ retryDelay: 2.5, retryBackoff: false }, 3)) expect(delay).toBeCloseTo(2.5, 1)
    })
  })

  describe('dead letters', () => {
    it('are made once the attempts are used up, with what failed and why', async () => {
      const id = await add({ maxAttempts: 2, retryDelay: 0, deadLetterJobType: 'dead', tags: ['a'], priority: 4 })
      await api.run({ work: fail })
      expect(await api.job(id)).toMatchObject({ deadLetterJobId: null, deadLetteredAt: null })
      await api.run({ work: fail })
      const source = await api.job(id)
      expect(source).toMatchObject({ status: 'failed', nextAttemptAt: null })
      expect(source.deadLetteredAt).toBeInstanceOf(Date)
      const letter = await api.job(source.deadLetterJobId ?? 0)
      expect(letter).toMatchObject({ jobType: 'dead', status: 'pending', maxAttempts: 1, priority: 0 })
      expect(letter.payload).toEqual({
        originalJob: { id, jobType: 'work', attempts: 2, maxAttempts: 2 },
        originalPayload: { n: 1 },
        failure: { message: 'no luck', reason: 'handler_error', failedAt: expect.any(String) },
      })
    })

    it('are not made without a type for them, nor by a cancellation', async () => {
      const failed = await add({ maxAttempts: 1 })
      await api.run({ work: fail })
      const cancelled = await add({ deadLetterJobType: 'dead' })
      await api.queue.cancelJob(cancelled)
      expect((await api.queue.getAllJobs()).map((job) => job.id)).toEqual([cancelled, failed])
    })

    it('can be handled like any job', async () => {
      await add({ maxAttempts: 1, deadLetterJobType: 'dead' })
      await api.run({ work: fail }, { jobType: 'work' })
      const seen: unknown[] = []
      await api.run({ dead: (payload) => void seen.push(Reflect.get(Object(payload), 'originalPayload')) })
      expect(seen).toEqual([{ n: 1 }])
    })
  })

  describe('without a handler', () => {
    it('fail with a reason of their own, by the same retry rules', async () => {
      const id = await add({ retryDelay: 0, maxAttempts: 2 })
      await api.run({ other: () => undefined })
      expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'no_handler', attempts: 1 })
      expect((await api.job(id)).nextAttemptAt).not.toBeNull()
      expect((await api.job(id)).errorHistory[0]?.message).toBe('No handler registered for job type: work')
      await api.run({})
      expect(await api.job(id)).toMatchObject({ status: 'failed', nextAttemptAt: null })
    })

    it('wait when the processor is told so, or works other types only', async () => {
      const id = await add()
      await api.run({ other: () => undefined }, { onUnknownType: 'wait' })
      await api.run({ other: () => undefined }, { jobType: 'other' })
      expect(await api.job(id)).toMatchObject({ status: 'pending', attempts: 0 })
    })
  })

  describe('verdicts', () => {
    it('fatal fails for good at the first attempt, and makes the dead letter', async () => {
      const id = await add({ deadLetterJobType: 'dead' })
      await api.run({
        work: () => {
          throw fatal(new TypeError('hopeless'))
        },
      })
      const job = await api.job(id)
      expect(job).toMatchObject({ status: 'failed', attempts: 1, nextAttemptAt: null })
      expect(job.errorHistory[0]).toMatchObject({ name: 'TypeError', message: 'hopeless' })
      expect(job.deadLetterJobId).not.toBeNull()
    })

    it('snooze runs the job again later without using up an attempt', async () => {
      const id = await add()
      await api.run({ work: () => snooze(3_600_000) })
      const job = await api.job(id)
      expect(job).toMatchObject({ status: 'pending', attempts: 0, errorHistory: [] })
      expect(job.runAt.getTime()).toBeGreaterThan(Date.now() + 3_500_000)
    })
  })

  it('ask the retry function of their type, if they have no retry options of their own', async () => {
    const jobs = defineJobs({
      work: { payload: anyPayload(), handler: fail, retry: ({ attempt }) => (attempt === 1 ? 5000 : false) },
    })
    const queue = initJobQueue({
      jobs,
      schema: 'api_failure',
      listen: false,
      databaseConfig: { connectionString: serverUrl, max: 2 },
    })
    const id = await queue.addJob({ jobType: 'work', payload: {} })
    const processor = queue.createProcessor(undefined, { heartbeat: 'main' })
    await processor.start()
    const first = await api.job(id)
    expect((first.nextAttemptAt?.getTime() ?? 0) - (first.lastFailedAt?.getTime() ?? 0)).toBe(5000)
    await queue.retryJob(id)
    await processor.start()
    expect(await api.job(id)).toMatchObject({ status: 'failed', attempts: 2, nextAttemptAt: null })
    await queue.close()
  })
})

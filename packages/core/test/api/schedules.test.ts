import { afterAll, describe, expect, it } from 'vitest'
import pg from 'pg'
import { defineSchedules, PostgresBackend } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'
import { poll } from '../support/poll.ts'

// specs/job-queue.md, section 19: recurring schedules, as documented, and what goes beyond.

const REPORT = { scheduleName: 'report', cronExpression: '0 9 * * *', jobType: 'report', payload: { n: 1 } }
const never = new Date('2100-01-01T00:00:00Z')

describe.skipIf(!hasServer)('schedules', () => {
  const api = useApi('api_schedules')
  const makeDue = (id: number, text = '1 minute'): Promise<unknown> =>
    api.sql(
      `update :schema.schedules set next_run_at = date_trunc('milliseconds', now() - $2::interval) where id = $1`,
      [id, text],
    )
  const record = async (id: number) => {
    const found = await api.queue.getCronJob(id)
    if (found === null) throw new Error(`there is no schedule ${id}`)
    return found
  }

  it('has the documented defaults, and every option is stored', async () => {
    const id = await api.queue.addCronJob(REPORT)
    expect(await record(id)).toMatchObject({
      id,
      scheduleName: 'report',
      cronExpression: '0 9 * * *',
      timezone: 'UTC',
      jobType: 'report',
      payload: { n: 1 },
      maxAttempts: 3,
      priority: 0,
      timeoutMs: null,
      forceKillOnTimeout: false,
      tags: undefined,
      retryDelay: null,
      retryBackoff: null,
      retryDelayMax: null,
      deadLetterJobType: null,
      allowOverlap: false,
      status: 'active',
      lastEnqueuedAt: null,
      lastJobId: null,
      catchUp: 'one',
      catchUpLimit: 100,
      graceMs: 10_000,
      jitterMs: 0,
      oncePer: null,
      startAt: null,
      endAt: null,
      everyMs: null,
      owner: null,
      tenantId: null,
      groupId: null,
    })
    const given = {
      maxAttempts: 5,
      priority: -2,
      timeoutMs: 1000,
      forceKillOnTimeout: true,
      tags: ['a', 'b'],
      retryDelay: 1.5,
      retryBackoff: false,
      retryDelayMax: 9,
      deadLetterJobType: 'dead',
      timezone: 'Asia/Kathmandu',
      allowOverlap: true,
      catchUp: 'all',
      catchUpLimit: 3,
      graceMs: 1,
      jitterMs: 2,
      oncePer: 'week',
      startAt: new Date('2026-01-01T00:00:00Z'),
      endAt: never,
      tenantId: 'T',
    } as const
    const full = await api.queue.addCronJob({ ...REPORT, ...given, group: { id: 'g' } })
    expect(await record(full)).toMatchObject({ ...given, groupId: 'g' })
    expect((await api.queue.getCronJobByName('report'))?.id).toBe(id)
    expect((await api.queue.getCronJobByName('report', { tenantId: 'T' }))?.id).toBe(full)
    expect((await api.queue.listCronJobs(undefined, { tenantId: 'T' })).map((found) => found.id)).toEqual([full])
  })

  it.each([
    [{ cronExpression: 'not a cron' }, 'cronExpression', 'Invalid cron expression: "not a cron"'],
    [{ cronExpression: '0 0 30 2 *' }, 'cronExpression', 'It would never run'],
    [{ cronExpression: undefined }, 'cronExpression', 'given, or `everyMs`'],
    [{ timezone: 'Mars/Olympus' }, 'timezone', 'IANA'],
    [{ everyMs: 1000 }, 'everyMs', 'left out beside `cronExpression`'],
    [{ cronExpression: undefined, everyMs: 99 }, 'everyMs', '100'],
    [{ endAt: new Date('2020-01-01') }, 'endAt', 'It would never run'],
    [{ startAt: never, endAt: new Date('2099-01-01') }, 'endAt', 'after `startAt`'],
    [{ catchUp: 'all' }, 'catchUp', 'allowOverlap'],
    [{ catchUp: 'some' }, 'catchUp', "'skip', 'one' or 'all'"],
    [{ oncePer: 'fortnight' }, 'oncePer', 'one of'],
    [{ jitterMs: -1 }, 'jitterMs', '0'],
    [{ scheduleName: '' }, 'scheduleName', 'non-empty'],
    [{ jobType: '' }, 'jobType', 'non-empty'],
    [{ maxAttempts: 0 }, 'maxAttempts', '1'],
    [{ cron: '* * * * *' }, 'cron', 'Did you mean `cronExpression`?'],
  ])('refuses %j', async (wrong, field, text) => {
    const refused = api.queue.addCronJob({ ...REPORT, ...wrong } as never)
    await expect(refused).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(text),
      details: { field },
    })
    expect(await api.queue.listCronJobs()).toEqual([])
  })

  it('refuses a name in use by its documented text, also from many at once', async () => {
    const adds = await Promise.allSettled(Array.from({ length: 5 }, () => api.queue.addCronJob(REPORT)))
    expect(adds.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(api.queue.addCronJob(REPORT)).rejects.toMatchObject({
      code: 'SCHEDULE_EXISTS',
      message: 'Cron schedule with name "report" already exists',
    })
  })

  it('answers null for what is not there, and changes of it do nothing', async () => {
    const { queue } = api
    expect([await queue.getCronJob(99_999), await queue.getCronJobByName('none')]).toEqual([null, null])
    await queue.removeCronJob(99_999)
    await queue.pauseCronJob(99_999)
    await queue.resumeCronJob(99_999)
    await queue.editCronJob(99_999, { priority: 1 })
    expect([await queue.runCronJobNow(99_999), await queue.skipNextCronJob(99_999)]).toEqual([null, null])
  })

  it('a resumed schedule goes on with the next tick, however long it was paused', async () => {
    const id = await api.queue.addCronJob(REPORT)
    await api.queue.pauseCronJob(id)
    await makeDue(id, '7 days')
    expect(await api.queue.enqueueDueCronJobs()).toBe(0)
    expect((await api.queue.listCronJobs('paused')).map((found) => found.id)).toEqual([id])
    await api.queue.resumeCronJob(id)
    expect(await api.queue.enqueueDueCronJobs()).toBe(0)
    expect((await record(id)).nextRunAt?.getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  it('an edit changes what it names, and null means the default', async () => {
    const id = await api.queue.addCronJob({ ...REPORT, tags: ['a'], timeoutMs: 5, group: { id: 'g' }, jitterMs: 7 })
    const before = await record(id)
    await api.queue.editCronJob(id, { tags: null, timeoutMs: null, group: null, jitterMs: null, payload: { n: 2 } })
    expect(await record(id)).toMatchObject({
      tags: undefined,
      timeoutMs: null,
      groupId: null,
      jitterMs: 0,
      payload: { n: 2 },
      nextRunAt: before.nextRunAt,
    })
    await api.queue.editCronJob(id, { timezone: 'America/New_York' })
    const moved = await record(id)
    expect(moved.timezone).toBe('America/New_York')
    expect([13, 14]).toContain(moved.nextRunAt?.getUTCHours())
    await api.queue.editCronJob(id, { everyMs: 60_000, priority: 4, deadLetterJobType: 'd', forceKillOnTimeout: true })
    expect(await record(id)).toMatchObject({
      cronExpression: '',
      everyMs: 60_000,
      priority: 4,
      forceKillOnTimeout: true,
    })
    for (const [wrong, field] of [
      [{ jobType: 'x' }, 'jobType'],
      [{ cronExpression: 'no' }, 'cronExpression'],
      [{ maxAttempts: 0 }, 'maxAttempts'],
      [{ catchUp: 'all' }, 'catchUp'],
    ] as const) {
      await expect(api.queue.editCronJob(id, wrong as never)).rejects.toMatchObject({ details: { field } })
    }
  })

  it('a tick that was due before an edit is fired by what held before', async () => {
    const id = await api.queue.addCronJob({ ...REPORT, cronExpression: '* * * * *' })
    await makeDue(id)
    await api.queue.editCronJob(id, { cronExpression: '0 0 1 1 *', payload: { n: 2 } })
    expect((await api.queue.getJobs()).map(({ payload }) => payload)).toEqual([{ n: 1 }])
    expect((await record(id)).nextRunAt?.getUTCMonth()).toBe(0)
  })

  it('a run now and a skip are told, and a removed schedule leaves its jobs', async () => {
    const { queue } = api
    const id = await queue.addCronJob(REPORT)
    const { nextRunAt } = await record(id)
    const added: number[] = []
    queue.on('job:added', ({ jobId }) => added.push(jobId))
    const ran = await queue.runCronJobNow(id)
    expect(added).toEqual([ran])
    expect((await api.job(ran ?? 0)).schedule).toMatchObject({ name: 'report', isManual: true })
    expect(await queue.skipNextCronJob(id)).toEqual(nextRunAt)
    expect((await queue.getCronJobTicks(id)).map(({ outcome }) => outcome)).toEqual(['asked', 'run'])
    expect(await record(id)).toMatchObject({ lastSkipReason: 'asked', lastTickAt: nextRunAt, lastJobId: ran })
    await queue.removeCronJob(id)
    expect([await queue.getCronJob(id), (await api.job(ran ?? 0)).status]).toEqual([null, 'pending'])
  })

  it('processor.start() fires what is due before its batch, unless told not to', async () => {
    const id = await api.queue.addCronJob(REPORT)
    await makeDue(id)
    expect(await api.run({ report: () => undefined }, { fireSchedules: false })).toBe(0)
    expect(await api.run({ report: () => undefined })).toBe(1)
    expect(await api.queue.createSupervisor().start()).toEqual({
      reclaimedJobs: 0,
      cleanedUpJobs: 0,
      cleanedUpEvents: 0,
      expiredTokens: 0,
    })
  })

  it('missed ticks are made up for by the policy', async () => {
    const { queue } = api
    const add = async (catchUp: 'skip' | 'one' | 'all'): Promise<number> => {
      const options = { ...REPORT, scheduleName: catchUp, cronExpression: '* * * * *', catchUp, catchUpLimit: 3 }
      const id = await queue.addCronJob({ ...options, allowOverlap: true, payload: catchUp, graceMs: 0 })
      await api.sql(
        `update :schema.schedules set next_run_at = date_trunc('minute', now()) - interval '10 minutes' where id = $1`,
        [id],
      )
      return id
    }
    const skipped = await add('skip')
    await add('one')
    await add('all')
    expect(await queue.enqueueDueCronJobs()).toBe(4)
    const payloads = (await queue.getJobs()).map(({ payload }) => String(payload))
    expect(payloads.toSorted()).toEqual(['all', 'all', 'all', 'one'])
    expect(await record(skipped)).toMatchObject({ lastSkipReason: 'missed', lastEnqueuedAt: null })
  })

  it('declared schedules are stored when a processor starts, and follow the code', async () => {
    const daily = { cronExpression: '@daily', jobType: 'report', payload: { n: 1 } }
    const first = api.open({ schedules: defineSchedules({ a: daily, b: daily }) })
    expect(await first.listCronJobs()).toEqual([])
    first.createProcessor({ report: () => undefined }, { heartbeat: 'main' }).startInBackground()
    await poll(async () => (await first.listCronJobs()).length === 2)
    const second = api.open({ schedules: defineSchedules({ b: { ...daily, priority: 3 }, c: daily }) })
    expect(await second.reconcileSchedules()).toEqual({ added: ['c'], edited: ['b'], removed: ['a'] })
    expect((await api.queue.getCronJobByName('b'))?.owner).toBe('default')
    const other = api.open({ schedules: { b: daily }, scheduleOwner: 'other' })
    await expect(other.reconcileSchedules()).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect(() => defineSchedules({ x: { ...daily, cronExpression: 'no' } })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ field: 'x.cronExpression' }) }),
    )
  })

  describe('through PostgresBackend', () => {
    const pool = new pg.Pool({ connectionString: serverUrl, max: 2 })
    const backend = new PostgresBackend(pool, { schema: 'api_schedules' })
    afterAll(async () => {
      await backend.close()
      await pool.end()
    })

    it('keeps schedules, tells which are due, and moves them on but never back', async () => {
      const due = new Date('2026-01-01T00:00:00Z')
      const input = {
        ...REPORT,
        maxAttempts: 2,
        priority: 1,
        timeoutMs: null,
        forceKillOnTimeout: false,
        tags: undefined,
        timezone: 'UTC',
        allowOverlap: false,
        retryDelay: null,
        retryBackoff: null,
        retryDelayMax: null,
        deadLetterJobType: null,
        nextRunAt: due,
      }
      const id = await backend.addCronSchedule(input)
      await expect(backend.addCronSchedule(input)).rejects.toThrow('already exists')
      expect(await backend.getCronSchedule(id)).toMatchObject({ ...input, id })
      expect((await backend.getCronScheduleByName('report'))?.id).toBe(id)
      expect((await backend.getDueCronSchedules()).map((found) => found.id)).toEqual([id])
      const at = new Date('2026-01-02T00:00:00Z')
      await backend.updateCronScheduleAfterEnqueue(id, at, 17, never)
      await backend.updateCronScheduleAfterEnqueue(id, at, 18, due)
      expect(await backend.getCronSchedule(id)).toMatchObject({ lastEnqueuedAt: at, lastJobId: 17, nextRunAt: never })
      await backend.editCronSchedule(id, { priority: 9 }, at)
      expect(await backend.getCronSchedule(id)).toMatchObject({ priority: 9, nextRunAt: at })
      await backend.pauseCronSchedule(id)
      expect([await backend.getDueCronSchedules(), (await backend.listCronSchedules('paused')).length]).toEqual([[], 1])
      await backend.resumeCronSchedule(id)
      await backend.removeCronSchedule(id)
      expect(await backend.listCronSchedules()).toEqual([])
    })
  })
})

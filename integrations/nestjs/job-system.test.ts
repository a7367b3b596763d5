import type { INestApplicationContext } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { getDataSourceToken, getRepositoryToken } from '@nestjs/typeorm'
import {
  JOB_SYSTEM_CONNECTION,
  JobEntity,
  JobSystemService,
  JobTypeLockEntity,
  Progress,
} from '@millrace/nestjs/job-system'
import type { DataSource, Repository } from 'typeorm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, poll, serverUrl } from './database.ts'
import type * as appModule from './dist/app/app.module.js'
import type * as orderModule from './dist/app/orders.js'
import { appFile } from './nest.ts'

/** The application of the documentation, compiled as Nest's are: its code blocks are in `app/`. */
describe.skipIf(serverUrl === '')('the job system of the documentation', () => {
  let app: INestApplicationContext
  let jobSystem: JobSystemService
  let repository: Repository<JobEntity>
  let source: DataSource
  let orders: { readonly log: string[]; readonly gates: Map<string, Promise<void>> }

  const gate = (name: string): (() => void) => {
    let open = (): void => undefined
    orders.gates.set(
      name,
      new Promise((resolve) => {
        open = resolve
      }),
    )
    return open
  }
  const inStatus = (job: JobEntity, status: string): Promise<JobEntity> =>
    poll(async () => {
      const found = await jobSystem.getJob(job.id)
      return found?.status === status ? found : undefined
    })

  beforeAll(async () => {
    process.env['APP_DATABASE_URL'] = await createDatabase('nest_job_system')
    const { AppModule }: typeof appModule = await import(appFile('app.module.js').href)
    const { OrdersService }: typeof orderModule = await import(appFile('orders.js').href)
    app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false })
    jobSystem = app.get(JobSystemService)
    orders = app.get(OrdersService, { strict: false })
    source = app.get<DataSource>(getDataSourceToken('app_data'))
    repository = app.get(getRepositoryToken(JobEntity, 'app_data'))
  })
  afterAll(async () => {
    const begunAt = performance.now()
    await app.close()
    // A handler that went on although its job had ended would hold the drain up for 30 seconds.
    if (performance.now() - begunAt > 15_000) throw new Error('closing waited for a handler whose job had ended')
  })

  test('the registered job runs with its data and its context', async () => {
    const job = await jobSystem.registerJob({
      type: 'My Job', // must match registerJobHandler / registerContextFactory
      data: { rows: 3, at: new Date(0) },
      name: 'Display name',
      role: 'user-role',
      email: 'ada@example.com',
      runImmediately: true, // optional; default false → scheduled
      scheduledAt: new Date(), // optional; defaults to now
      uploadedFileURL: 'https://example.com/orders.csv', // optional
    })
    expect(job).toBeInstanceOf(JobEntity)
    expect(job).toMatchObject({
      id: expect.stringMatching(/^\d+$/),
      type: 'My Job',
      data: { rows: 3, at: '1970-01-01T00:00:00.000Z' },
      name: 'Display name',
      role: 'user-role',
      email: 'ada@example.com',
      uploadedFileURL: 'https://example.com/orders.csv',
    })
    const done = await inStatus(job, 'success')
    expect(done).toMatchObject({
      progress: 1,
      attempts: 1,
      error: null,
      startedAt: expect.any(Date),
      finishedAt: expect.any(Date),
    })
    expect(orders.log).toContain('My Job of 3 rows')
    expect(app.get(JOB_SYSTEM_CONNECTION)).toBe('app_data')
    expect(app.get('APP_DATA_SOURCE', { strict: false })).toBe(source)
  })

  test('a job that is scheduled for later waits', async () => {
    const scheduledAt = new Date(Date.now() + 3_600_000)
    const job = await jobSystem.registerJob({ type: 'My Job', data: {}, name: 'later', scheduledAt })
    expect(await jobSystem.getJob(job.id)).toMatchObject({ status: 'scheduled', scheduledAt, startedAt: null })
    expect(await jobSystem.getJobStatus(job.id)).toMatchObject({ timeElapsed: null, timeToComplete: null, progress: 0 })
    expect(await jobSystem.cancelJob(job.id, 'ada')).toBe(true)
    expect(await jobSystem.getJob(job.id)).toMatchObject({
      status: 'canceled',
      canceledBy: 'ada',
      cancelRequested: true,
    })
    expect(await jobSystem.cancelJob(job.id)).toBe(false)
  })

  test('tells of a running job: progress, message, prettified times, and that its type is locked', async () => {
    const open = gate('told')
    const job = await jobSystem.registerJob({ type: 'orders:sort', data: { gate: 'told' }, name: 'told' })
    const running = await poll(async () => {
      const status = await jobSystem.getJobStatus(job.id)
      return status?.progress === 0.4 ? status : undefined
    })
    expect(running).toMatchObject({
      status: 'processing',
      message: 'sorting',
      timeToComplete: expect.stringMatching(/^(1m 30s|1m 2\ds)$/),
      timeElapsed: expect.stringMatching(/^\d+m?s$/),
      finishedAt: null,
    })
    expect(await jobSystem.getRunningJobByType('orders:sort')).toMatchObject({ id: job.id })
    expect(await jobSystem.getRunningJobByType('My Job')).toBeNull()
    const locks = app.get<Repository<JobTypeLockEntity>>(getRepositoryToken(JobTypeLockEntity, 'app_data'))
    const lock = await locks.findOneByOrFail({ type: 'orders:sort' })
    expect(lock.lockedUntil.getTime()).toBeGreaterThan(lock.updatedAt.getTime())

    const next = await jobSystem.registerJob({ type: 'orders:sort', data: {}, name: 'next', runImmediately: true })
    expect(await jobSystem.getLatestJobByType('orders:sort')).toMatchObject({ id: next.id })
    // A job of another type has come and gone meanwhile: the one of this type has not begun.
    await inStatus(await jobSystem.registerJob({ type: 'My Job', data: { rows: 0 } }), 'success')
    expect(await jobSystem.getJob(next.id)).toMatchObject({ status: 'scheduled' })
    open()
    await inStatus(next, 'success')
    expect(orders.log.filter((line) => /^(told|next) /.test(line))).toEqual([
      'told began',
      'told ended',
      'next began',
      'next ended',
    ])
    expect(await locks.count()).toBe(0)
    expect(await jobSystem.getJobStatus(job.id)).toMatchObject({ progress: 1, message: 'sorted', timeToComplete: null })
  })

  test('what the handler throws fails the job at once, with the message', async () => {
    const job = await jobSystem.registerJob({ type: 'orders:sort', data: { fail: 'no such file' } })
    expect(await inStatus(job, 'failed')).toMatchObject({
      error: 'no such file',
      attempts: 1,
      finishedAt: expect.any(Date),
    })
  })

  test('a running job that is cancelled is told, and ends as canceled with who did it', async () => {
    gate('cancelled')
    const job = await jobSystem.registerJob({
      type: 'orders:sort',
      data: { gate: 'cancelled', by: 'ada' },
      name: 'cancelled',
    })
    await inStatus(job, 'processing')
    expect(await jobSystem.cancelJob(job.id, 'ada')).toBe(true)
    expect(await inStatus(job, 'canceled')).toMatchObject({ canceledBy: 'ada', cancelRequested: true })
    expect(orders.log).not.toContain('cancelled ended')
  })

  test('a running job can be ended from outside, with a result or as failed; what its handler does then has no effect', async () => {
    gate('ended')
    const first = await jobSystem.registerJob({ type: 'orders:sort', data: { gate: 'ended' } })
    await poll(async () => (await jobSystem.getJob(first))?.message === 'sorting')
    expect(await jobSystem.SucceedJobWithJsonString(first.id, '{"rows":12}')).toBe(true)
    expect(await jobSystem.getJobStatus(first.id)).toMatchObject({
      status: 'success',
      result: '{"rows":12}',
      message: 'sorting',
    })
    expect(await jobSystem.SucceedJobWithJsonString(first.id, '{}')).toBe(false)

    const second = await jobSystem.registerJob({ type: 'orders:sort', data: { gate: 'ended' } })
    await inStatus(second, 'processing')
    expect(await jobSystem.failJobWithJsonString(second, '{"code":7}')).toBe(true)
    expect(await jobSystem.getJob(second.id)).toMatchObject({ status: 'failed', error: '{"code":7}' })
    // Their type is free again, and the handlers of both are told to stop: or closing the application would wait for them.
    const third = await jobSystem.registerJob({ type: 'orders:sort', data: {}, name: 'third' })
    await inStatus(third, 'success')
    expect(await jobSystem.getJob(first.id)).toMatchObject({ status: 'success', result: '{"rows":12}' })
    expect(await jobSystem.getJob(second.id)).toMatchObject({ status: 'failed', error: '{"code":7}' })
    expect(await jobSystem.queue.checkInvariants()).toEqual([])
  })

  test('the entity reads jobs by its columns; a soft-deleted one is hidden from every read, and never begins', async () => {
    const later = new Date(Date.now() + 3_600_000)
    const job = await jobSystem.registerJob({
      type: 'My Job',
      data: { rows: 9 },
      email: 'grace@example.com',
      scheduledAt: later,
    })
    expect(await repository.findOneByOrFail({ email: 'grace@example.com' })).toEqual(await jobSystem.getJob(job.id))
    expect(await repository.find({ where: { type: 'My Job', status: 'scheduled' } })).toMatchObject([
      { id: job.id, data: { rows: 9 } },
    ])
    await repository.softDelete(job.id)
    expect(await repository.findOneBy({ id: job.id })).toBeNull()
    expect(await jobSystem.getJob(job.id)).toBeNull()
    expect(await jobSystem.getJobStatus(job.id)).toBeNull()
    expect(await jobSystem.getLatestJobByType('My Job')).not.toMatchObject({ id: job.id })
    expect(await repository.findOne({ where: { id: job.id }, withDeleted: true })).toMatchObject({
      status: 'canceled',
      deletedAt: expect.any(Date),
    })
    await repository.restore(job.id)
    expect(await jobSystem.getJob(job.id)).toMatchObject({ status: 'canceled', deletedAt: null })
    expect(await jobSystem.softDeleteJob(job.id)).toBe(true)
    expect(await jobSystem.softDeleteJob(job.id)).toBe(false)
    await expect(repository.update(job.id, { status: 'success' })).rejects.toThrow(/only deleted_at can be changed/)
  })

  test('an id of another system finds nothing', async () => {
    const uuid = '6f9619ff-8b86-d011-b42d-00c04fc964ff'
    expect(await jobSystem.getJob(uuid)).toBeNull()
    expect(await jobSystem.getJobStatus(uuid)).toBeNull()
    expect(await jobSystem.cancelJob(uuid)).toBe(false)
    expect(await jobSystem.softDeleteJob(uuid)).toBe(false)
    expect(await jobSystem.failJobWithJsonString(uuid, '{}')).toBe(false)
    expect(await jobSystem.getJob('4000000000')).toBeNull()
  })

  test('neither synchronize nor a generated migration has anything to do for the entities', async () => {
    const { upQueries, downQueries } = await source.driver.createSchemaBuilder().log()
    expect([...upQueries, ...downQueries]).toEqual([])
    await source.synchronize()
    expect(await repository.count()).toBeGreaterThan(0)
  })

  test('tells its health, for terminus', async () => {
    expect(await jobSystem.isHealthy('jobs', { minWorkers: 1 })).toMatchObject({
      jobs: { status: 'up', isRunning: true, workers: 1 },
    })
    expect(await jobSystem.isHealthy('jobs', { minWorkers: 2 })).toMatchObject({ jobs: { status: 'down' } })
  })

  test('bad input is refused with the field and what it must be', async () => {
    const register = (input: object): Promise<unknown> => jobSystem.registerJob({ type: 'My Job', data: {}, ...input })
    await expect(register({ schedule: 'now' })).rejects.toThrow(
      /`schedule` must be left out: the options are type, data/,
    )
    await expect(register({ type: '' })).rejects.toMatchObject({ code: 'OPTION_INVALID', details: { field: 'type' } })
    await expect(register({ email: 7 })).rejects.toThrow(/`email` must be a string; got 7/)
    await expect(register({ data: { rows: Number.NaN } })).rejects.toThrow(/`data.rows` must be a finite number/)
    await expect(register({ retryDelay: 1 })).rejects.toThrow(/given with `maxAttempts`/)
    await expect(register({ scheduledAt: 'tomorrow' })).rejects.toThrow(/`runAt` must be a Date/)
  })

  test('`Progress` writes weighted phases through the job', async () => {
    const seen: number[] = []
    jobSystem.registerJobHandler('phased', () => async (update) => {
      const progress = new Progress(update, { read: 1, write: 3 }, { throttleMs: 0 })
      await progress.start('read')
      await progress.update(0.5)
      seen.push((await jobSystem.getRunningJobByType('phased'))?.progress ?? -1)
      await progress.start('write')
      seen.push((await jobSystem.getRunningJobByType('phased'))?.progress ?? -1)
      await progress.finish('all of it')
    })
    // Registered after the start: it joins in.
    jobSystem.registerContextFactory('phased', (job) => ({ job }))
    const job = await jobSystem.registerJob({ type: 'phased' })
    expect(await inStatus(job, 'success')).toMatchObject({ message: 'all of it', data: null })
    expect(seen).toEqual([0.125, 0.25])
  })
})

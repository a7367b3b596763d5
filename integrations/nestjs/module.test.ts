import type { INestApplicationContext } from '@nestjs/common'
import { Injectable, Logger, Module } from '@nestjs/common'
import type * as nestCoreModule from '@nestjs/core'
import { HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm'
import { getQueueToken, JobHandler, MillraceHealthIndicator, MillraceModule, poolOf } from '@millrace/nestjs'
import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import { fromTypeOrm } from 'millrace/tx'
import { DataSource } from 'typeorm'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { dropSchema, ownName, poll, serverUrl, startApp } from './database.ts'
import { EmailJobs, type Jobs, Mailer, ReportJob, Shop } from './email-jobs.ts'
import { nest, nestCore } from './nest.ts'

const schema = ownName('nest_module')
const databaseConfig = { connectionString: serverUrl, max: 4 }

describe.skipIf(serverUrl === '')('MillraceModule', () => {
  const apps: INestApplicationContext[] = []
  const start = async (...given: Parameters<typeof startApp>): Promise<INestApplicationContext> => {
    const app = await startApp(...given)
    apps.push(app)
    return app
  }
  const root = () => MillraceModule.forRoot({ databaseConfig, schema })

  beforeAll(() => dropSchema(schema))
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })
  afterAll(() => dropSchema(schema))

  test(`is part of an application of Nest ${nest}`, async () => {
    const core = nestCore()
    expect(core.version.split('.')[0]).toBe(nest)
    const { DiscoveryModule }: typeof nestCoreModule = await import(core.entry)
    // By identity: with two copies of Nest nothing would be discovered.
    expect(root().imports).toContain(DiscoveryModule)
  })

  test('runs decorated methods and classes, tells listeners, and injects the queue where it is not imported', async () => {
    @Module({ providers: [Shop], exports: [Shop] })
    class ShopModule {}
    const app = await start({ imports: [root(), ShopModule], providers: [EmailJobs, ReportJob, Mailer] })
    const { queue } = app.get(Shop)
    const ids = [
      await queue.addJob({ jobType: 'welcome', payload: { to: 'ada' } }),
      await queue.addJob({ jobType: 'report', payload: { month: 3 } }),
      await queue.addJob({ jobType: 'welcome', payload: { to: 'nobody' }, maxAttempts: 1 }),
    ]
    const jobs = await poll(async () => {
      const read = await Promise.all(ids.map((id) => queue.getJob(id)))
      return read.every((job) => job?.status === 'completed' || job?.status === 'failed') ? read : undefined
    })
    expect(jobs.map((job) => job?.output)).toEqual([{ attempt: 1 }, 'month 3', null])
    expect(app.get(Mailer).sent).toEqual(['ada'])
    await poll(() => app.get(EmailJobs).events.length === 3)
    expect(app.get(EmailJobs).events.toSorted()).toEqual([
      'completed report',
      'completed welcome',
      'failed no such address false',
    ])
    expect(await queue.checkInvariants()).toEqual([])
  })

  test('with `run: false` it adds and reads jobs, and another application runs them', async () => {
    const web = await start({
      imports: [MillraceModule.forRoot({ databaseConfig, schema, run: false })],
      providers: [EmailJobs, Mailer],
    })
    const queue: JobQueue<Jobs> = web.get(getQueueToken())
    const id = await queue.addJob({ jobType: 'welcome', payload: { to: 'grace' } })
    const worker = await start({ imports: [root()], providers: [EmailJobs, Mailer] })
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(web.get(Mailer).sent).toEqual([])
    expect(worker.get(Mailer).sent).toEqual(['grace'])
  })

  test('a job of a type that has no handler here waits for a process that has one', async () => {
    const app = await start({ imports: [root()], providers: [EmailJobs, Mailer] })
    const queue: JobQueue = app.get(getQueueToken())
    const stranger = await queue.addJob({ jobType: 'stranger', payload: {} })
    const known = await queue.addJob({ jobType: 'welcome', payload: { to: 'late' } })
    await poll(async () => (await queue.getJob(known))?.status === 'completed')
    expect(await queue.getJob(stranger)).toMatchObject({ status: 'pending', attempts: 0 })
    await queue.cancelJob(stranger)
  })

  test('closing the application waits for the job that runs, while its providers still work', async () => {
    const gate = deferred()
    const log: string[] = []
    @Injectable()
    class Slow {
      @JobHandler('slow')
      async slow(): Promise<void> {
        log.push('began')
        await gate.promise
        log.push('ended')
      }
      onApplicationShutdown(): void {
        log.push('providers shut down')
      }
    }
    const app = await startApp({ imports: [root()], providers: [Slow] })
    const queue: JobQueue = app.get(getQueueToken())
    const id = await queue.addJob({ jobType: 'slow', payload: {} })
    await poll(() => log.length === 1)
    const closing = app.close()
    gate.resolve()
    await closing
    expect(log).toEqual(['began', 'ended', 'providers shut down'])
    await expect(queue.getJob(id)).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
    const after = await start({ imports: [root()] })
    expect(await after.get<JobQueue>(getQueueToken()).getJob(id)).toMatchObject({ status: 'completed', attempts: 1 })
  })

  test('a drain that takes too long hands the job back, with its attempt', async () => {
    const log: string[] = []
    @Injectable()
    class Stubborn {
      @JobHandler('stubborn')
      async run(_payload: unknown, signal: AbortSignal): Promise<void> {
        log.push('began')
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      }
    }
    const app = await startApp({
      imports: [MillraceModule.forRoot({ databaseConfig, schema, drainMs: 50 })],
      providers: [Stubborn],
    })
    const id = await app.get<JobQueue>(getQueueToken()).addJob({ jobType: 'stubborn', payload: {} })
    await poll(() => log.length === 1)
    await app.close()
    const after = await start({ imports: [root()] })
    const queue: JobQueue = after.get(getQueueToken())
    expect(await queue.getJob(id)).toMatchObject({ status: 'pending', attempts: 0 })
    await queue.cancelJob(id)
  })

  test('equal options are one module and one queue; different ones of one name do not start', async () => {
    expect(root()).toBe(root())
    @Module({ imports: [root()] })
    class FeatureModule {}
    await start({ imports: [root(), FeatureModule] })
    const other = MillraceModule.forRoot({ databaseConfig, schema, drainMs: 1 })
    await expect(startApp({ imports: [root(), other] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('2 times under the name "default"'),
    })
    const named = MillraceModule.forRoot({ databaseConfig, schema, name: 'second' })
    const app = await start({ imports: [root(), named] })
    expect(app.get(getQueueToken('second'))).not.toBe(app.get(getQueueToken()))
  })

  test('a process that does not listen to SIGTERM is warned once, when it has run a job', async () => {
    const warnings: unknown[] = []
    vi.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => void warnings.push(message))
    // For this one event: the test runner's own channel counts listeners too.
    const listenerCount = process.listenerCount.bind(process)
    let listeners = 1
    vi.spyOn(process, 'listenerCount').mockImplementation((event) =>
      event === 'SIGTERM' ? listeners : listenerCount(event),
    )
    const run = async (to: string): Promise<void> => {
      const app = await startApp({ imports: [root()], providers: [EmailJobs, Mailer] })
      for (const one of [to, `${to} again`]) {
        await app.get<JobQueue>(getQueueToken()).addJob({ jobType: 'welcome', payload: { to: one } })
        await poll(() => app.get(Mailer).sent.includes(one))
      }
      // Or it would run the jobs that are meant for the next one.
      await app.close()
    }
    await run('heard')
    expect(warnings).toEqual([])
    listeners = 0
    await run('deaf')
    expect(warnings).toEqual([expect.stringContaining('app.enableShutdownHooks()')])
    vi.restoreAllMocks()
  })

  test('takes its options from a class', async () => {
    class Options {
      createMillraceOptions() {
        return { databaseConfig, schema }
      }
    }
    const app = await start({
      imports: [MillraceModule.forRootAsync({ useClass: Options })],
      providers: [EmailJobs, Mailer],
    })
    await app.get<JobQueue>(getQueueToken()).addJob({ jobType: 'welcome', payload: { to: 'class' } })
    expect(await poll(() => app.get(Mailer).sent.includes('class'))).toBe(true)
  })

  test('an application whose database is not there does not start', async () => {
    const nowhere = MillraceModule.forRoot({ databaseConfig: { connectionString: 'postgres://127.0.0.1:1/none' } })
    await expect(startApp({ imports: [nowhere] })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  test('shares the pool of a TypeORM data source, and adds jobs in its transactions', async () => {
    const app = await start({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url: serverUrl, poolSize: 4 }),
        MillraceModule.forRootAsync({
          inject: [getDataSourceToken()],
          useFactory: (source: DataSource) => ({ pool: poolOf(source), schema }),
        }),
      ],
      providers: [EmailJobs, Mailer],
    })
    const queue: JobQueue<Jobs> = app.get(getQueueToken())
    const source = app.get<DataSource>(getDataSourceToken())
    const undone = source.transaction(async (manager) => {
      await queue.addJob({ jobType: 'welcome', payload: { to: 'undone' } }, { db: fromTypeOrm(manager) })
      throw new Error('rolled back')
    })
    await expect(undone).rejects.toThrow('rolled back')
    await source.transaction(async (manager) => {
      await queue.addJob({ jobType: 'welcome', payload: { to: 'done' } }, { db: fromTypeOrm(manager) })
    })
    await poll(() => app.get(Mailer).sent.length === 1)
    expect(app.get(Mailer).sent).toEqual(['done'])
  })

  test('refuses a data source that is not on PostgreSQL, and says what is coming', () => {
    const source = { options: { type: 'mysql' }, driver: {} }
    expect(() => poolOf(source)).toThrow(/is of type "mysql".*Redis comes next/)
    expect(() => poolOf(new DataSource({ type: 'postgres', url: serverUrl }))).toThrow(/initialize/)
  })

  test('takes a queue made elsewhere, and leaves it open', async () => {
    await using queue = initJobQueue<Jobs>({ databaseConfig, schema })
    const app = await startApp({ imports: [MillraceModule.forRoot({ queue })], providers: [EmailJobs, Mailer] })
    const id = await queue.addJob({ jobType: 'welcome', payload: { to: 'typed' } })
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    await app.close()
    expect(await queue.getJob(id)).toMatchObject({ status: 'completed' })
    const both = startApp({ imports: [MillraceModule.forRoot({ queue, schema })] })
    await expect(both).rejects.toThrow(/`schema` of MillraceModule must be left out beside `queue`/)
  })

  test('the health indicator fits terminus: up while it works, down with a reason', async () => {
    const app = await start({
      imports: [root(), TerminusModule.forRoot({ logger: false })],
      providers: [EmailJobs, Mailer],
    })
    const queue: JobQueue<Jobs> = app.get(getQueueToken())
    const health = app.get(HealthCheckService)
    const indicator = app.get(MillraceHealthIndicator)
    await poll(async () => (await queue.getWorkers()).length === 1)
    expect(
      await health.check([() => indicator.isHealthy('jobs', { minWorkers: 1, maxReadyMs: 60_000 })]),
    ).toMatchObject({
      status: 'ok',
      details: { jobs: { status: 'up', isRunning: true, workers: 1 } },
    })
    const down: unknown = await health
      .check([() => indicator.isHealthy('jobs', { minWorkers: 5 })])
      .catch((error: unknown) => error)
    expect(down).toMatchObject({
      response: { status: 'error', error: { jobs: { status: 'down', message: '1 of at least 5 workers are alive' } } },
    })
  })
})

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((onResolve) => {
    resolve = onResolve
  })
  return { promise, resolve }
}

import type { DynamicModule, INestApplicationContext } from '@nestjs/common'
import { Logger, Module } from '@nestjs/common'
import { getDataSourceToken, getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm'
import {
  getJobSystemToken,
  JobEntity,
  type JobHandlerFn,
  JobSystemModule,
  type JobSystemModuleOptions,
  JobSystemService,
  jobSystemSql,
  JobTypeLockEntity,
} from '@millrace/nestjs/job-system'
import { initJobQueue } from 'millrace'
import pg from 'pg'
import type { DataSource, Repository } from 'typeorm'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createDatabase, poll, serverUrl, startApp } from './database.ts'

/** What the documentation of the job system warns of, and what it does not mention: each impossible here, or told at the start. */
describe.skipIf(serverUrl === '')('the faults of the job system', () => {
  const apps: INestApplicationContext[] = []
  let url: string

  const typeOrm = (name = 'app_data'): DynamicModule =>
    TypeOrmModule.forRoot({ name, type: 'postgres', url, poolSize: 5, autoLoadEntities: true })
  const boot = async (options: Partial<JobSystemModuleOptions> = {}): Promise<JobSystemService> => {
    const app = await startApp({
      imports: [typeOrm(), JobSystemModule.forRoot({ connectionName: 'app_data', ...options })],
    })
    apps.push(app)
    return app.get(JobSystemService)
  }
  /** Registers a type whose handler this is, with the context that every handler needs. */
  const handle = (jobSystem: JobSystemService, type: string, handler: JobHandlerFn<{ job: JobEntity }>): void => {
    jobSystem.registerJobHandler(type, () => handler)
    jobSystem.registerContextFactory(type, (job) => ({ job }))
  }
  const ended = (jobSystem: JobSystemService, { id }: JobEntity): Promise<JobEntity> =>
    poll(async () => {
      const job = await jobSystem.getJob(id)
      return job?.finishedAt === null ? undefined : job
    })

  beforeAll(async () => {
    url = await createDatabase('nest_faults')
  })
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
    vi.restoreAllMocks()
  })
  afterAll(async () => {
    await createDatabase('nest_faults')
  })

  test('3: a second handler of a type is an error that names both lines, unless it says `override`', async () => {
    const jobSystem = await boot()
    handle(jobSystem, 'report', async () => undefined)
    const again = (): void => jobSystem.registerJobHandler('report', () => async () => undefined)
    const place = String.raw`job-system-faults\.test\.ts:\d+`
    expect(again).toThrow(new RegExp(`registered already, at .*${place}.*; now again at .*${place}`, 's'))
    expect(() => jobSystem.registerContextFactory('report', () => ({}))).toThrow(
      expect.objectContaining({ code: 'HANDLER_EXISTS' }),
    )
    const seen: string[] = []
    jobSystem.registerJobHandler('report', () => async () => void seen.push('stand-in'), { override: true })
    await ended(jobSystem, await jobSystem.registerJob({ type: 'report' }))
    expect(seen).toEqual(['stand-in'])
  })

  test('4: forRoot in two modules is one service; with other options, or for a second connection, it does not start', async () => {
    const forRoot = (more: Partial<JobSystemModuleOptions> = {}) =>
      JobSystemModule.forRoot({ connectionName: 'app_data', ...more })
    @Module({ imports: [forRoot()] })
    class FeatureModule {}
    const app = await startApp({ imports: [typeOrm(), forRoot(), FeatureModule] })
    apps.push(app)
    expect(app.get(JobSystemService)).toBe(app.get(getJobSystemToken('app_data')))

    const differing = startApp({ imports: [typeOrm(), forRoot(), forRoot({ run: false })] })
    await expect(differing).rejects.toThrow(/called with different options for the connection "app_data"/)
    const second = (isDefault: boolean) => forRoot({ connectionName: 'other', schema: 'other', isDefault })
    const ambiguous = startApp({ imports: [typeOrm(), typeOrm('other'), forRoot(), second(true)] })
    await expect(ambiguous).rejects.toThrow(/`isDefault: false` for all but one/)
    const both = await startApp({ imports: [typeOrm(), typeOrm('other'), forRoot(), second(false)] })
    apps.push(both)
    const other = both.get<JobSystemService>(getJobSystemToken('other'))
    expect(other).not.toBe(both.get(JobSystemService))
    // 14: and their jobs are apart, as are the entities of either connection.
    await other.registerJob({ type: 'apart' })
    const count = (name: string) =>
      both.get<Repository<JobEntity>>(getRepositoryToken(JobEntity, name)).countBy({ type: 'apart' })
    expect([await count('app_data'), await count('other')]).toEqual([0, 1])
    const locks = both.get<Repository<JobTypeLockEntity>>(getRepositoryToken(JobTypeLockEntity, 'other'))
    expect(await locks.count()).toBe(0)
  })

  test('5: `runImmediately` is an ordinary row: nothing is lost with the process that registered it', async () => {
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

  test('5, 9: a job registered in a transaction is there if and only if it commits', async () => {
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

  test('6, 2: a job that runs for longer than the lease is not joined, whoever starts meanwhile', async () => {
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

  test('7: attempts, a time limit, priorities and keys, where a job asks for them', async () => {
    const jobSystem = await boot()
    let tries = 0
    handle(jobSystem, 'flaky', async () => {
      tries += 1
      if (tries < 3) throw new Error(`try ${tries}`)
    })
    const flaky = await jobSystem.registerJob({ type: 'flaky', maxAttempts: 3, retryDelay: 0 })
    expect(await ended(jobSystem, flaky)).toMatchObject({ status: 'success', attempts: 3, error: 'try 2' })

    handle(jobSystem, 'slow', (_update, _isCancelled, _context, signal) => {
      // 13: the signal fires.
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

  test('8: a job added by another process begins without waiting for a poll', async () => {
    const worker = await boot()
    handle(worker, 'prompt', async () => undefined)
    await ended(worker, await worker.registerJob({ type: 'prompt' }))
    const web = await boot({ run: false })
    const job = await web.registerJob({ type: 'prompt', runImmediately: true })
    const { startedAt, createdAt } = await ended(web, job)
    // An idle worker polls every five seconds.
    expect(Number(startedAt) - Number(createdAt)).toBeLessThan(3000)
  })

  test('10: half a registration does not start, and a job nobody handles waits, with a warning that names what is registered', async () => {
    const starting = (register: (jobSystem: JobSystemService) => void): Promise<INestApplicationContext> => {
      @Module({})
      class Registrar {
        readonly #jobSystem: JobSystemService
        constructor(jobSystem: JobSystemService) {
          this.#jobSystem = jobSystem
        }
        onModuleInit(): void {
          register(this.#jobSystem)
        }
      }
      Reflect.defineMetadata('design:paramtypes', [JobSystemService], Registrar)
      return startApp({ imports: [typeOrm(), JobSystemModule.forRoot({ connectionName: 'app_data' }), Registrar] })
    }
    const noContext = starting((jobSystem) => jobSystem.registerJobHandler('half', () => async () => undefined))
    await expect(noContext).rejects.toThrow(/No context factory registered for job type "half".*faults\.test\.ts/s)
    const noHandler = starting((jobSystem) => {
      jobSystem.registerJobHandler('Report', () => async () => undefined)
      jobSystem.registerContextFactory('Report', () => ({}))
      jobSystem.registerContextFactory('report', () => ({}))
    })
    await expect(noHandler).rejects.toThrow(/No handler registered for job type "report"/)

    const warnings: string[] = []
    vi.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => {
      // TypeORM's module has one of its own, about two applications in one process.
      if (String(message).startsWith('No handler')) warnings.push(String(message))
    })
    const jobSystem = await boot()
    handle(jobSystem, 'invoice', async () => undefined)
    const job = await jobSystem.registerJob({ type: 'invioce' })
    expect(warnings).toEqual([
      'No handler registered for job type "invioce", here or in a process that runs now; its jobs wait. Registered here: invoice.',
    ])
    await jobSystem.registerJob({ type: 'invioce' })
    await ended(jobSystem, await jobSystem.registerJob({ type: 'invoice' }))
    expect(warnings).toHaveLength(1)
    expect(await jobSystem.getJob(job.id)).toMatchObject({ status: 'scheduled', attempts: 0 })
    await starting((next) => handle(next, 'invoice', async () => undefined)).then((app) => apps.push(app))
    expect(warnings.slice(1)).toContainEqual(expect.stringMatching(/"invioce", of which 2 jobs are due/))
    // A process that handles it comes along: nothing was lost.
    handle(jobSystem, 'invioce', async () => undefined)
    expect(await ended(jobSystem, job)).toMatchObject({ status: 'success' })
  })

  test('11: tables and views make themselves, or come from `jobSystemSql` in a migration', async () => {
    const schema = 'by_hand'
    const checked = { schema, migrate: 'check' } as const
    await expect(boot(checked)).rejects.toMatchObject({ code: 'SCHEMA_MISSING' })
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    const queue = initJobQueue({ pool, schema, listen: false })
    await queue.migrate()
    await expect(boot(checked)).rejects.toThrow(/The views of the job system are not in schema "by_hand".*jobSystemSql/)
    // As a migration of one's own, and twice, as nobody is sure whether it ran.
    for (const statement of [...jobSystemSql(schema), ...jobSystemSql(schema)]) await pool.query(statement)
    const jobSystem = await boot(checked)
    handle(jobSystem, 'by hand', async () => undefined)
    expect(await ended(jobSystem, await jobSystem.registerJob({ type: 'by hand' }))).toMatchObject({
      status: 'success',
    })
    await queue.close()
    await pool.end()
  })

  test('12: another database than PostgreSQL is refused at the start, with what is coming', async () => {
    const source = { options: { type: 'better-sqlite3' }, driver: {}, getRepository: () => undefined }
    @Module({
      providers: [{ provide: getDataSourceToken('lite'), useValue: source }],
      exports: [getDataSourceToken('lite')],
    })
    class LiteModule {}
    const imports = [{ module: LiteModule, global: true }, JobSystemModule.forRoot({ connectionName: 'lite' })]
    await expect(startApp({ imports })).rejects.toMatchObject({
      code: 'NOT_YET',
      message: expect.stringMatching(/is of type "better-sqlite3".*Redis comes next/),
    })
  })

  test('a connection name that no data source has is told by that name', async () => {
    const imports = [typeOrm(), JobSystemModule.forRoot({ connectionName: 'app_date' })]
    await expect(startApp({ imports })).rejects.toThrow(/There is no TypeORM DataSource called "app_date"/)
  })

  test('the entities in a `forFeature` of one’s own do no harm, and nothing needs ScheduleModule or startCheckingJobs', async () => {
    const app = await startApp({
      imports: [
        typeOrm(),
        JobSystemModule.forRoot({ connectionName: 'app_data' }),
        TypeOrmModule.forFeature([JobEntity, JobTypeLockEntity], 'app_data'),
      ],
    })
    apps.push(app)
    const jobSystem = app.get(JobSystemService)
    handle(jobSystem, 'unasked', async () => undefined)
    expect(await ended(jobSystem, await jobSystem.registerJob({ type: 'unasked' }))).toMatchObject({
      status: 'success',
    })
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

import type { INestApplicationContext } from '@nestjs/common'
import { Logger, Module } from '@nestjs/common'
import { getDataSourceToken, getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm'
import {
  getJobSystemToken,
  JobEntity,
  JobSystemModule,
  type JobSystemModuleOptions,
  JobSystemService,
  jobSystemSql,
  JobTypeLockEntity,
} from '@millrace/nestjs/job-system'
import { initJobQueue } from 'millrace'
import pg from 'pg'
import type { Repository } from 'typeorm'
import { describe, expect, test, vi } from 'vitest'
import { serverUrl, startApp } from './database.ts'
import { ended, handle, useJobSystem } from './job-system-lab.ts'

/** What the documentation of the job system warns of when it is set up: each impossible here, or told at the start. */
describe.skipIf(serverUrl === '')('setting up the job system', () => {
  const lab = useJobSystem('nest_setup')
  const { apps, boot, typeOrm } = lab

  test('1c 3: a second handler of a type is an error that names both lines, unless it says `override`', async () => {
    const jobSystem = await boot()
    jobSystem.registerJobHandler('report', () => async () => undefined)
    jobSystem.registerContextFactory('report', (job) => ({ job }))
    const again = (): void => jobSystem.registerJobHandler('report', () => async () => undefined)
    const place = String.raw`job-system-setup\.test\.ts:\d+`
    expect(again).toThrow(new RegExp(`registered already, at .*${place}.*; now again at .*${place}`, 's'))
    expect(() => jobSystem.registerContextFactory('report', () => ({}))).toThrow(
      expect.objectContaining({ code: 'HANDLER_EXISTS' }),
    )
    const seen: string[] = []
    jobSystem.registerJobHandler('report', () => async () => void seen.push('stand-in'), { override: true })
    await ended(jobSystem, await jobSystem.registerJob({ type: 'report' }))
    expect(seen).toEqual(['stand-in'])
  })

  test('1c 4: forRoot in two modules is one service; with other options, or for a second connection, it does not start', async () => {
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
    // Their jobs are apart, as are the entities of either connection.
    await other.registerJob({ type: 'apart' })
    const count = (name: string) =>
      both.get<Repository<JobEntity>>(getRepositoryToken(JobEntity, name)).countBy({ type: 'apart' })
    expect([await count('app_data'), await count('other')]).toEqual([0, 1])
    const locks = both.get<Repository<JobTypeLockEntity>>(getRepositoryToken(JobTypeLockEntity, 'other'))
    expect(await locks.count()).toBe(0)
  })

  test('1c 10: half a registration does not start, and a job nobody handles waits, with a warning that names what is registered', async () => {
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
    await expect(noContext).rejects.toThrow(/No context factory registered for job type "half".*setup\.test\.ts/s)
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

  test('1c 11: tables and views make themselves, or come from `jobSystemSql` in a migration', async () => {
    const schema = 'by_hand'
    const checked = { schema, migrate: 'check' } as const
    await expect(boot(checked)).rejects.toMatchObject({ code: 'SCHEMA_MISSING' })
    const pool = new pg.Pool({ connectionString: lab.url(), max: 2 })
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

  test('1c 12: another database than PostgreSQL is refused at the start, with what is coming', async () => {
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
})

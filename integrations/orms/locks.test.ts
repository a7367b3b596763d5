import { fork } from 'node:child_process'
import { once } from 'node:events'
import { acquireJobLock, runExclusive } from 'millrace'
import {
  JobExecutionEntity,
  JobStatus,
  JobType,
  isJobEnabled,
  latestJobExecutions,
  runCycle,
  STALE_JOB_THRESHOLD_MS,
} from 'millrace/locks'
import type { JobLockResult } from 'millrace/locks'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

/** Rows as the driver answers them. */
function rowsOf(answer: unknown): Record<string, unknown>[] {
  return Array.isArray(answer) ? answer : []
}

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

/** How many races of two callers, so many types at once. */
const RACES = Number(process.env['MILLRACE_TEST_LOCK_RACES'] ?? 1000)
const TYPES = 10

function open(poolSize = 4): DataSource {
  return new DataSource({ type: 'postgres', url: serverUrl, poolSize, entities: [JobExecutionEntity] })
}

describe.skipIf(serverUrl === '')('the lock of a job type', () => {
  const dataSource = open()
  const repository = () => dataSource.getRepository(JobExecutionEntity)
  const finish = async (result: JobLockResult): Promise<void> => {
    if (!result.acquired) throw new Error(result.reason)
    result.jobExecution.status = JobStatus.SUCCESS
    result.jobExecution.completedAt = new Date()
    await repository().save(result.jobExecution)
  }
  const sql = (text: string, values?: unknown[]): Promise<unknown> => dataSource.query(text, values)

  beforeAll(async () => {
    await dataSource.initialize()
    await sql('drop table if exists millrace_job_execution')
  })
  beforeEach(async () => {
    await sql('delete from millrace_job_execution').catch(() => undefined)
  })
  afterAll(async () => {
    await sql('drop table if exists millrace_job_execution')
    await dataSource.destroy()
  })

  // The job of the documentation, with its log lines left out.
  const said: string[] = []
  async function runMyJob(work: () => Promise<void>): Promise<void> {
    const lockResult = await acquireJobLock(dataSource, JobType['MY_JOB'] ?? '', {
      preCheck: async (manager) => {
        const existing = await manager
          .getRepository(JobExecutionEntity)
          .findOne({ where: { jobType: JobType['MY_JOB'] ?? '', status: JobStatus.SUCCESS } })
        if (existing) return { skip: true, reason: 'Already completed for this period' }
        return { skip: false }
      },
    })
    if (!lockResult.acquired) {
      said.push(`skipped: ${lockResult.reason}`)
      return
    }
    const { jobExecution } = lockResult
    try {
      await work()
      jobExecution.status = JobStatus.SUCCESS
      jobExecution.completedAt = new Date()
      await dataSource.getRepository(JobExecutionEntity).save(jobExecution)
      said.push('completed')
    } catch (error) {
      jobExecution.status = JobStatus.FAILURE
      jobExecution.completedAt = new Date()
      jobExecution.errorMessage = error instanceof Error ? error.message : String(error)
      await dataSource.getRepository(JobExecutionEntity).save(jobExecution)
      said.push('failed')
    }
  }

  test('the documented job runs, fails, runs again, and is skipped once it has succeeded', async () => {
    await runMyJob(() => Promise.reject(new Error('no network')))
    expect(await latestJobExecutions(dataSource)).toMatchObject([
      { jobType: 'MY_JOB', status: 'failure', errorMessage: 'no network' },
    ])
    await runMyJob(() => Promise.resolve())
    await runMyJob(() => Promise.resolve())
    expect(said).toEqual(['failed', 'completed', 'skipped: Already completed for this period'])
    expect(await repository().count()).toBe(2)
  })

  test(`2c 1: two callers at once, ${RACES} times: never both`, async () => {
    // A process of its own each, as far as connections go.
    const callers = await Promise.all([open(TYPES).initialize(), open(TYPES).initialize()])
    const race = async (type: number): Promise<number> => {
      const results = await Promise.all(
        callers.map((caller, n) =>
          acquireJobLock(caller, `raced ${type}`, n === 0 ? {} : { preCheck: () => ({ skip: false }) }),
        ),
      )
      const acquired = results.filter((result) => result.acquired)
      expect(acquired.length).toBeGreaterThan(0)
      expect(results.filter((result) => !result.acquired)).toEqual([{ acquired: false, reason: 'already_running' }])
      await Promise.all(acquired.map(finish))
      return acquired.length
    }
    let both = 0
    for (let raced = 0; raced < RACES; raced += TYPES) {
      const winners = await Promise.all(Array.from({ length: TYPES }, (_, type) => race(type)))
      both += winners.filter((count) => count > 1).length
    }
    await Promise.all(callers.map((caller) => caller.destroy()))
    expect(await repository().count()).toBe(Math.ceil(RACES / TYPES) * TYPES)
    expect(both).toBe(0)
  }, 120_000)

  test('2c 3: a long run is never joined, and its lock ends when its row is saved', async () => {
    const held = await acquireJobLock(dataSource, 'long', { staleAfterMs: 1000 })
    expect(held.acquired).toBe(true)
    // Until it has been extended so often that a silent holder would have lost it three times over.
    const seen = new Set<string>()
    await vi.waitFor(
      async () => {
        const [row] = rowsOf(await sql(`select "expiresAt"::text as at from millrace_job_execution`))
        seen.add(String(row?.['at']))
        expect(seen.size).toBeGreaterThan(9)
      },
      { timeout: 15_000, interval: 50 },
    )
    expect(await acquireJobLock(dataSource, 'long')).toEqual({ acquired: false, reason: 'already_running' })
    await finish(held)
    await finish(await acquireJobLock(dataSource, 'long'))
  })

  test('2c 2: a holder that is killed loses the lock within seconds, and its row is closed', async () => {
    const child = fork(new URL('lock-holder.mjs', import.meta.url), [serverUrl])
    const [id] = (await once(child, 'message')) as [number]
    expect(await acquireJobLock(dataSource, 'crash')).toEqual({ acquired: false, reason: 'already_running' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const killedAt = Date.now()
    await vi.waitFor(async () => finish(await acquireJobLock(dataSource, 'crash')), { timeout: 10_000, interval: 50 })
    expect(Date.now() - killedAt).toBeLessThan(5000)
    expect(await repository().findOneByOrFail({ id })).toMatchObject({
      status: 'failure',
      errorMessage: 'the process that ran this job died, or was cut off',
    })
    // No status page shows a run that nobody runs.
    expect(await repository().countBy({ status: JobStatus.RUNNING })).toBe(0)
  })

  test('what preCheck throws is thrown, and nothing is locked', async () => {
    const failing = acquireJobLock(dataSource, 'checked', { preCheck: () => Promise.reject(new Error('no table')) })
    await expect(failing).rejects.toThrow('no table')
    expect(await repository().count()).toBe(0)
    await finish(await acquireJobLock(dataSource, 'checked'))
  })

  test('a holder that ends while preCheck looks is not followed by a run that preCheck would have skipped', async () => {
    const first = await acquireJobLock(dataSource, 'MY_JOB')
    const preCheck = async (): Promise<{ readonly skip: false }> => {
      // What was read before this says that nothing has succeeded yet.
      if (first.acquired) await finish(first)
      return { skip: false }
    }
    expect(await acquireJobLock(dataSource, 'MY_JOB', { preCheck })).toEqual({
      acquired: false,
      reason: 'already_running',
    })
    expect(await acquireJobLock(dataSource, 'MY_JOB')).toMatchObject({ acquired: true })
  })

  test('runExclusive always closes its execution, and tells what happened as data', async () => {
    const good = await runExclusive('import', { dataSource }, () => ({ recordsProcessed: 12 }))
    expect(good).toMatchObject({ skipped: false, status: 'success', recordsProcessed: 12, errorMessage: null })
    const bad = await runExclusive('import', { dataSource }, () => {
      throw new Error('x'.repeat(3000))
    })
    expect(bad).toMatchObject({ skipped: false, status: 'failure', errorMessage: 'x'.repeat(2000) })
    vi.stubEnv('IMPORT_ORDERS_ENABLED', 'false')
    expect([isJobEnabled('import-orders'), isJobEnabled('import')]).toEqual([false, true])
    const switchedOff = await runExclusive('import-orders', { dataSource }, () => undefined)
    vi.unstubAllEnvs()
    expect(switchedOff).toEqual({ skipped: true, reason: 'disabled' })
    expect(isJobEnabled('import-orders')).toBe(true)
    expect(await runExclusive('import', { dataSource, enabled: false }, () => undefined)).toEqual({
      skipped: true,
      reason: 'disabled',
    })
    expect(await repository().countBy({ status: JobStatus.RUNNING })).toBe(0)
  })

  test('2c 6: a run that hangs is closed as a failure after its time limit, and the next one need not wait', async () => {
    const told: unknown[] = []
    const hung = await runExclusive('hangs', { dataSource, timeoutMs: 50 }, ({ signal }) => {
      signal.addEventListener('abort', () => told.push(signal.reason))
      return new Promise<undefined>(() => undefined)
    })
    expect(hung).toMatchObject({ status: 'failure', errorMessage: expect.stringContaining('50'), error: told[0] })
    expect(told).toMatchObject([{ code: 'JOB_TIMEOUT' }])
    expect(await runExclusive('hangs', { dataSource }, () => undefined)).toMatchObject({ status: 'success' })
    await expect(runExclusive('hangs', { dataSource, timeoutMs: 0.5 }, () => undefined)).rejects.toThrow('`timeoutMs`')
  })

  test('a success that cannot be recorded is thrown, and not recorded as a failure of the function', async () => {
    const table = 'millrace_job_execution'
    const run = runExclusive('unrecorded', { dataSource }, async () => {
      await sql(`alter table ${table} rename to away`)
    })
    await expect(run).rejects.toThrow('does not exist')
    await sql('alter table away rename to millrace_job_execution')
    expect(await repository().findOneByOrFail({ jobType: 'unrecorded' })).toMatchObject({ status: 'running' })
  })

  test('2c 7: once per period is a constraint: ten callers at once and later, one success', async () => {
    let runs = 0
    const run = () => runExclusive('close', { dataSource, period: 'month' }, () => void (runs += 1))
    const results = await Promise.all(Array.from({ length: 10 }, run))
    results.push(await run())
    expect(runs).toBe(1)
    expect(results.filter((result) => !result.skipped)).toHaveLength(1)
    expect(results.at(-1)).toEqual({ skipped: true, reason: 'already_done' })
  })

  test('a failure leaves the period open', async () => {
    let runs = 0
    const run = () =>
      runExclusive('report', { dataSource, period: 'day' }, () => {
        runs += 1
        if (runs === 1) throw new Error('the first time')
      })
    expect([await run(), await run()]).toMatchObject([{ status: 'failure' }, { status: 'success' }])
  })

  test('an execution that was closed as lost stays so, whatever the one that was cut off does later', async () => {
    const result = await runExclusive('cut', { dataSource }, async ({ jobExecution }) => {
      await sql(`update millrace_job_execution set "expiresAt" = clock_timestamp() where id = $1`, [jobExecution.id])
      await finish(await acquireJobLock(dataSource, 'cut'))
    })
    expect(result).toMatchObject({ status: 'failure' })
  })

  test('2c 8: a new job type is a new string: no enum, no migration', async () => {
    const catalog = (): Promise<unknown> =>
      sql(`select c.relname, a.attname, a.atttypid::regtype::text, t.typtype from pg_class c
        join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
        where c.relname like 'millrace_job_execution%' order by 1, 2`)
    await finish(await acquireJobLock(dataSource, 'first of all'))
    const before = await catalog()
    for (const type of [JobType['NEVER_SEEN'] ?? '', 'rapport mensuel – été', 'with "quotes"']) {
      await finish(await acquireJobLock(dataSource, type))
      expect(await latestJobExecutions(dataSource, [type])).toMatchObject([{ jobType: type, status: 'success' }])
    }
    expect(await catalog()).toEqual(before)
    expect(JSON.stringify(before)).not.toContain('"typtype":"e"')
  })

  test('a schema that TypeORM builds finds nothing to change in the table that the first lock made', async () => {
    await finish(await acquireJobLock(dataSource, 'before'))
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log()
    expect(upQueries.map(({ query }) => query)).toEqual([])
    await dataSource.synchronize()
    expect(await repository().count()).toBe(1)
  })

  test('the table that TypeORM makes is there before the first lock, and is the lock', async () => {
    const built = await new DataSource({
      type: 'postgres',
      url: serverUrl,
      schema: 'locks_elsewhere',
      entityPrefix: 'app_',
      entities: [JobExecutionEntity],
    }).initialize()
    await sql('drop schema if exists locks_elsewhere cascade')
    await sql('create schema locks_elsewhere')
    await built.synchronize()
    const there = built.getRepository(JobExecutionEntity)
    expect(await there.count()).toBe(0)
    const callers = Array.from({ length: 5 }, () => acquireJobLock(built, 'raced'))
    const results = await Promise.all(callers)
    expect(results.filter(({ acquired }) => acquired)).toHaveLength(1)
    expect(await latestJobExecutions(built)).toMatchObject([{ jobType: 'raced', status: 'running' }])
    const [row] = await there.find()
    expect(row).not.toHaveProperty('expiresAt')
    const { upQueries } = await built.driver.createSchemaBuilder().log()
    expect(upQueries.map(({ query }) => query)).toEqual([])
    expect(await repository().count()).toBe(0)
    await sql('drop schema locks_elsewhere cascade')
    await built.destroy()
  })

  test('a row that a program saved as running holds the lock until it is stale', async () => {
    const started = (ageMs: number): Promise<unknown> =>
      repository().save({ jobType: 'theirs', status: JobStatus.RUNNING, startedAt: new Date(Date.now() - ageMs) })
    await started(30 * 60_000)
    expect(await acquireJobLock(dataSource, 'theirs')).toEqual({ acquired: false, reason: 'already_running' })
    await repository().clear()
    await started(3 * 60 * 60_000)
    await finish(await acquireJobLock(dataSource, 'theirs'))
    expect(await repository().find({ order: { id: 'asc' } })).toMatchObject([
      { status: 'failure' },
      { status: 'success' },
    ])
  })

  test('another database, and a data source that is not open, are refused', async () => {
    const sqlite = { options: { type: 'sqlite' }, isInitialized: true } as never
    await expect(acquireJobLock(sqlite, 'x')).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(acquireJobLock(open(), 'x')).rejects.toThrow('Await `dataSource.initialize()` first')
    await expect(acquireJobLock(dataSource, '')).rejects.toThrow('`jobType` must be')
    await expect(acquireJobLock(dataSource, 'x', { staleAfterMs: 1 })).rejects.toThrow('`staleAfterMs` must be')
    expect(STALE_JOB_THRESHOLD_MS).toBe(10_000)
  })
})

describe('a cycle', () => {
  test('runs in order, and a step only if what it needs succeeded or is disabled', async () => {
    const order: string[] = []
    const step = (name: string, value?: unknown) => ({ name, run: () => (order.push(name), value) })
    const results = await runCycle([
      step('carry forward'),
      { ...step('seats'), run: () => Promise.reject(new Error('no seats')) },
      { ...step('usage'), needs: ['seats'] },
      { ...step('mails'), enabled: false },
      { ...step('summary'), needs: ['carry forward', 'mails'] },
      step('skipped', { skipped: true, reason: 'already_running' }),
      { ...step('after'), needs: ['skipped'] },
    ])
    expect(order).toEqual(['carry forward', 'summary', 'skipped'])
    expect(results.map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual([
      'carry forward: success',
      'seats: failure',
      'usage: not_run',
      'mails: disabled',
      'summary: success',
      'skipped: skipped',
      'after: not_run',
    ])
  })

  test('2c 6: a step that hangs is given up after its time limit, told by its signal, and holds up only what needs it', async () => {
    const told: unknown[] = []
    const hang = (signal: AbortSignal): Promise<never> => {
      signal.addEventListener('abort', () => told.push(signal.reason))
      return new Promise(() => undefined)
    }
    const results = await runCycle([
      { name: 'hangs', timeoutMs: 50, run: hang },
      { name: 'needs it', needs: ['hangs'], run: () => 1 },
      { name: 'after', timeoutMs: 10_000, run: () => 'ran' },
    ])
    const error = { code: 'JOB_TIMEOUT', message: expect.stringContaining('longer than its `timeoutMs`, 50') }
    expect(results).toMatchObject([
      { outcome: 'failure', error },
      { outcome: 'not_run', because: 'hangs' },
      { outcome: 'success', value: 'ran' },
    ])
    expect(told).toMatchObject([error])
    await expect(runCycle([{ name: 'a', timeoutMs: 0, run: () => 1 }])).rejects.toThrow('`timeoutMs` must be')
  })

  test('refuses a need that is not before it', async () => {
    await expect(runCycle([{ name: 'a', needs: ['b'], run: () => 1 }])).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })
})

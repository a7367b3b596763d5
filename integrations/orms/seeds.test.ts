import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { DoctorJob } from 'millrace/tx'
import pg from 'pg'
import type { DataSource } from 'typeorm'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { generatePrismaClient, here } from './prisma-client.ts'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const DATABASE = 'seeds'

interface MyJob {
  readonly runMyJob: () => Promise<void>
}

interface Doctor {
  readonly doctorJob: DoctorJob<object, { id: string }, { id: string; data: string }>
  handleParsedJobs(job: object): Promise<void>
  createLoginLinkForClient(email: string): Promise<null>
  start(): NodeJS.Timeout
}

interface Shop {
  readonly sent: string[]
  readonly prismaClient: { $disconnect(): Promise<void> }
}

/** What others have in their applications, changed in its imports only: see `seeds/`. */
describe.skipIf(serverUrl === '')('code written for others', () => {
  let client: pg.Client

  beforeAll(async () => {
    await generatePrismaClient('seeds', 'seeds/schema.prisma')
    const admin = new pg.Client(serverUrl)
    await admin.connect()
    await admin.query(`drop database if exists ${DATABASE} with (force)`)
    await admin.query(`create database ${DATABASE}`)
    await admin.end()
    const url = new URL(serverUrl)
    url.pathname = `/${DATABASE}`
    process.env['DATABASE_URL'] = url.href
    client = new pg.Client(url.href)
    await client.connect()
  }, 60_000)
  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })
  afterAll(() => client.end())

  test('compiles as its authors compile it', async () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const checked = promisify(execFile)(process.execPath, [tsc, '-p', join(here, 'seeds/tsconfig.json')])
    await expect(checked.catch((error: { stdout: string }) => error.stdout)).resolves.toEqual({
      stdout: '',
      stderr: '',
    })
  }, 60_000)

  test('the job of the skill runs once per success, one at a time, unless it is switched off', async () => {
    const { runMyJob }: MyJob = await import(join(here, 'seeds/my-job.ts'))
    const { getDb }: { readonly getDb: () => Promise<DataSource> } = await import(join(here, 'seeds/db.ts'))
    const said: string[] = []
    vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line))
    vi.stubEnv('MY_JOB_ENABLED', 'false')
    await runMyJob()
    vi.unstubAllEnvs()
    await Promise.all([runMyJob(), runMyJob()])
    await runMyJob()
    await (await getDb()).destroy()
    expect(said.slice(0, 1)).toEqual(['[my-job] Disabled via MY_JOB_ENABLED'])
    expect(said.filter((line) => line === '[my-job] Completed successfully')).toHaveLength(1)
    expect(said.filter((line) => /Skipped: (already_running|Already completed)/.test(line))).toHaveLength(2)
    expect(said.at(-1)).toBe('[my-job] Skipped: Already completed for this period')
    const { rows } = await client.query('select "jobType", status, "errorMessage" from millrace_job_execution')
    expect(rows).toEqual([{ jobType: 'MY_JOB', status: 'success', errorMessage: null }])
  })

  test('the jobs of DoctorJob are handled from its own table, and what fails is a dead letter', async () => {
    for (const table of ['seed_jobs', 'seed_dead_letters'])
      await client.query(
        `create table ${table} (id text primary key, "createdAt" timestamp(3) not null default current_timestamp,
           "updatedAt" timestamp(3) not null, data text not null)`,
      )
    await client.query('create table seed_clients (id text primary key, email text not null unique)')
    await client.query(`insert into seed_clients values ('c1', 'ada@example.com')`)
    const doctor: Doctor = await import(join(here, 'seeds/doctor-job.ts'))
    const { sent, prismaClient }: Shop = await import(join(here, 'seeds/shop.ts'))
    // Failures, and that the README's `queue` takes no `tx`, are told on the console.
    const told: string[] = []
    for (const level of ['error', 'info', 'log', 'warn'] as const)
      vi.spyOn(console, level).mockImplementation((line: string) => void told.push(line))
    const count = async (): Promise<number> => (await client.query('select from seed_jobs')).rowCount ?? 0

    await doctor.createLoginLinkForClient('ada@example.com')
    await expect(doctor.createLoginLinkForClient('nobody@example.com')).rejects.toThrow(/No record was found|not found/)
    expect([await count(), sent]).toEqual([1, []])
    await doctor.doctorJob.run((job) => doctor.handleParsedJobs(job))
    expect([await count(), sent]).toEqual([0, ['ada@example.com true']])

    const splines = { type: 'reticulateSplines', options: { target: 'x' } }
    await doctor.doctorJob.queue(() => Promise.resolve({ data: null, job: splines }))
    const timer = doctor.start()
    await vi.waitFor(async () => expect(await doctor.doctorJob.getDeadLetters()).toHaveLength(1), 10_000)
    clearInterval(timer)
    expect(await count()).toBe(0)
    expect(await doctor.doctorJob.getDeadLetters()).toMatchObject([{ data: JSON.stringify(splines) }])
    expect(told.some((line) => line.includes('takes no `tx`'))).toBe(true)
    await prismaClient.$disconnect()
  })
})

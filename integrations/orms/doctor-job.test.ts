import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import { createDoctorJobs, DoctorJob } from 'millrace/tx'
import type { AnyModel, AnyPrisma, DoctorJobOptions, DoctorJobsQueueOptions, OptionLike } from 'millrace/tx'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { generatePrismaClient, openPrisma } from './prisma-client.ts'
import type { PrismaClient } from './prisma-client.ts'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

// What the documentation of the seed defines, with `O` and `E` of fp-ts by shape.
type ParsedJob =
  | { type: 'sendClientLoginLink'; options: { clientId: string } }
  | { type: 'reticulateSplines'; options: { target: string } }

interface Row {
  id: string
  data: string
}

const O = { none: { _tag: 'None' } as const, some: <A>(value: A): OptionLike<A> => ({ _tag: 'Some', value }) }
const E = {
  right: <A>(right: A) => ({ _tag: 'Right', right }) as const,
  left: (left: Error) => ({ _tag: 'Left', left }) as const,
}

/** Closed until somebody opens it. */
function createGate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open: () => open() }
}

const login = (clientId: string): ParsedJob => ({ type: 'sendClientLoginLink', options: { clientId } })

describe.skipIf(serverUrl === '')('DoctorJob, on tables of the caller', () => {
  const admin = new pg.Pool({ connectionString: serverUrl, max: 2 })
  const clients: PrismaClient[] = []
  let prismaClient: PrismaClient

  const rows = async (table: string): Promise<Row[]> =>
    (await admin.query<Row>(`select id, data from ${table} order by "createdAt"`)).rows
  const model = (client: AnyPrisma, name: string): AnyModel => client[name] as AnyModel

  const find = async (client: AnyPrisma): Promise<Row | null> => {
    const found: unknown = await model(client, 'job')['findFirst']?.({ orderBy: { createdAt: 'asc' } })
    return found as Row | null
  }
  const doctor = (
    options: Partial<DoctorJobOptions<ParsedJob, Row, Row, AnyPrisma>> = {},
  ): DoctorJob<ParsedJob, Row, Row> =>
    new DoctorJob<ParsedJob, Row, Row>({
      prismaClient,
      parseJob: (job) => E.right(JSON.parse(job.data) as ParsedJob),
      getJob: async (client) => {
        const job = await find(client)
        return job === null ? O.none : O.some(job)
      },
      createJob: async (tx, data) => {
        await model(tx, 'job')['create']?.({ data: { data } })
      },
      getDeadLetters: async (client) => (await model(client, 'deadLetters')['findMany']?.()) as unknown as Row[],
      createDeadLetter: async (client, job) => {
        await model(client, 'deadLetters')['create']?.({ data: { id: job.id, data: job.data } })
      },
      logger: { info: () => undefined, error: () => undefined },
      ...options,
    })

  beforeAll(async () => {
    await generatePrismaClient('doctor')
    prismaClient = await openPrisma(serverUrl, 'doctor')
    clients.push(prismaClient)
    await admin.query('drop schema if exists millrace_doctor cascade')
    for (const table of ['doctor_job_rows', 'doctor_dead_letters']) {
      await admin.query(`drop table if exists ${table}`)
      await admin.query(
        `create table ${table} (id text primary key, "createdAt" timestamp(3) not null default current_timestamp,
          "updatedAt" timestamp(3) not null, data text not null)`,
      )
    }
    await admin.query('drop table if exists orm_prisma_users')
    await admin.query('create table orm_prisma_users (id serial primary key, name text not null unique)')
  }, 60_000)
  beforeEach(async () => {
    await admin.query('delete from doctor_job_rows')
    await admin.query('delete from doctor_dead_letters')
    await admin.query(`delete from millrace_doctor.leases`).catch(() => undefined)
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.$disconnect()))
    await admin.query('drop schema if exists millrace_doctor cascade')
    await admin.query('drop table if exists doctor_job_rows, doctor_dead_letters, orm_prisma_users')
    await admin.end()
  })

  test('3c 10: as documented: a job is a row that is written with the data and deleted once it is handled', async () => {
    const doctorJob = doctor()
    const answer = await doctorJob.queue(async () => ({ data: 'the data', job: login('c1') }))
    expect(answer).toBe('the data')
    expect(await rows('doctor_job_rows')).toHaveLength(1)
    const handled: ParsedJob[] = []
    await doctorJob.run(async (job) => {
      expect(await rows('doctor_job_rows')).toHaveLength(1)
      handled.push(job)
    })
    expect(handled).toEqual([login('c1')])
    expect(await rows('doctor_job_rows')).toEqual([])
    expect((await admin.query('select from millrace_doctor.leases')).rowCount).toBe(0)
  })

  test('3c 5: a function that writes outside the transaction is told so, once', async () => {
    const told: string[] = []
    const doctorJob = doctor({ logger: { info: (line) => told.push(line), error: () => undefined } })
    const createUser = (name: string): Promise<unknown> =>
      model(prismaClient as unknown as AnyPrisma, 'user')['create']?.({ data: { name } }) ?? Promise.resolve()
    for (const name of ['Grace', 'Edith']) {
      await doctorJob.queue(async () => ({ data: await createUser(name), job: login(name) }))
    }
    expect(told).toEqual([expect.stringMatching(/\[doctor-job\].*takes no `tx`/)])
    await admin.query('delete from orm_prisma_users')
  })

  test('3c 5: a transaction that fails leaves no job', async () => {
    const failing = doctor().queue(async (tx) => {
      await model(tx, 'user')['create']?.({ data: { name: 'Ada' } })
      throw new Error('refused')
    })
    await expect(failing).rejects.toThrow('refused')
    expect(await rows('doctor_job_rows')).toEqual([])
    expect((await admin.query('select from orm_prisma_users')).rowCount).toBe(0)
  })

  test('3c 1: two drainers and one job: the handler runs once', async () => {
    const other = await openPrisma(serverUrl, 'doctor')
    clients.push(other)
    const [first, second] = [doctor(), doctor({ prismaClient: other })]
    for (let round = 0; round < 20; round++) {
      await first.queue(async () => ({ data: null, job: login(`c${round}`) }))
      let runs = 0
      // Open once the other drainer has looked as well: it must find the job leased.
      const gate = createGate()
      const handle = async (): Promise<void> => {
        runs += 1
        await gate.promise
      }
      const drains = [first.run(handle), second.run(handle)]
      await Promise.race(drains)
      gate.open()
      await Promise.all(drains)
      expect(runs).toBe(1)
    }
  })

  test('3c 2, 3: a run that is called again before it ended is joined, and run resolves when the handler has ended', async () => {
    const doctorJob = doctor()
    await doctorJob.queue(async () => ({ data: null, job: login('slow') }))
    let runs = 0
    let hasEnded = false
    const began = createGate()
    const gate = createGate()
    const handle = async (): Promise<void> => {
      runs += 1
      began.open()
      await gate.promise
      hasEnded = true
    }
    const first = doctorJob.run(handle)
    await began.promise
    const others = Array.from({ length: 4 }, () => doctorJob.run(handle))
    gate.open()
    await Promise.all([first, ...others])
    expect([runs, hasEnded]).toEqual([1, true])
  })

  test('3c 3, 6: a failing handler makes a dead letter with id, data and error, and run does not reject', async () => {
    const errors: unknown[] = []
    const kept: string[] = []
    const doctorJob = doctor({
      logger: { info: () => undefined, error: (_, error) => errors.push(error) },
      createDeadLetter: async (client, job, error) => {
        kept.push(error.message)
        await model(client, 'deadLetters')['create']?.({ data: { id: job.id, data: job.data } })
      },
    })
    const job: ParsedJob = { type: 'reticulateSplines', options: { target: 'x' } }
    await doctorJob.queue(async () => ({ data: null, job }))
    const [row] = await rows('doctor_job_rows')
    const failure = new Error('not implemented yet')
    await doctorJob.run(() => Promise.reject(failure))
    expect(errors).toEqual([failure])
    expect(kept).toEqual(['not implemented yet'])
    expect(await doctorJob.getDeadLetters()).toMatchObject([{ id: row?.id, data: JSON.stringify(job) }])
    expect(await rows('doctor_job_rows')).toEqual([])
  })

  test('3c 7: a dead letter that cannot be written leaves the job where it is', async () => {
    const doctorJob = doctor({ createDeadLetter: () => Promise.reject(new Error('disk full')), leaseMs: 1000 })
    await doctorJob.queue(async () => ({ data: null, job: login('c') }))
    await doctorJob.run(() => Promise.reject(new Error('no')))
    expect(await rows('doctor_job_rows')).toHaveLength(1)
    expect(await rows('doctor_dead_letters')).toEqual([])
  })

  test('a row that cannot be parsed is a dead letter', async () => {
    const doctorJob = doctor({ parseJob: () => E.left(new Error('not ours')) })
    await doctorJob.queue(async () => ({ data: null, job: login('c') }))
    const handle = vi.fn<(job: ParsedJob) => void>()
    await doctorJob.run(handle)
    expect(handle).not.toHaveBeenCalled()
    expect(await rows('doctor_dead_letters')).toHaveLength(1)
  })

  test('3c 4: without a logger it uses the console', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { logger: _, ...options } = { logger: undefined }
    const doctorJob = new DoctorJob<ParsedJob, Row>({
      prismaClient,
      parseJob: () => E.left(new Error('no')),
      getJob: () => Promise.reject(new Error('the table is gone')),
      createJob: () => Promise.resolve(),
      createDeadLetter: () => Promise.resolve(),
      getDeadLetters: () => Promise.resolve([]),
      ...options,
    })
    await doctorJob.run(() => undefined)
    expect(said).toHaveBeenCalledWith(
      '[doctor-job] the database failed',
      expect.objectContaining({ message: 'the table is gone' }),
    )
    said.mockRestore()
  })

  test('3c 9: the lease of a process that died runs out, and a job that kills its process ends as a dead letter', async () => {
    const doctorJob = doctor({ maxStarts: 2 })
    await doctorJob.queue(async () => ({ data: null, job: login('poison') }))
    const [row] = await rows('doctor_job_rows')
    await doctorJob.run(() => undefined)
    await admin.query(`insert into doctor_job_rows (id, data, "updatedAt") values ($1, $2, now())`, [
      row?.id,
      row?.data,
    ])
    // As two processes left it that died in the handler.
    await admin.query(
      `insert into millrace_doctor.leases values ($1, 'gone', 2, clock_timestamp() + interval '1 hour')`,
      [row?.id],
    )
    const handle = vi.fn<(job: ParsedJob) => void>()
    await doctorJob.run(handle)
    expect(await rows('doctor_job_rows')).toHaveLength(1)
    await admin.query(`update millrace_doctor.leases set expires_at = clock_timestamp()`)
    await doctorJob.run(handle)
    expect(handle).not.toHaveBeenCalled()
    expect(await rows('doctor_dead_letters')).toMatchObject([{ id: row?.id }])
  })

  test('3c 6: with maxAttempts a failure is tried again', async () => {
    const doctorJob = doctor({ maxAttempts: 2, retryDelayMs: 0 })
    await doctorJob.queue(async () => ({ data: null, job: login('twice') }))
    let runs = 0
    const handle = (): void => {
      runs += 1
      if (runs === 1) throw new Error('the first time')
    }
    await doctorJob.run(handle)
    await doctorJob.run(handle)
    expect(runs).toBe(2)
    expect(await rows('doctor_dead_letters')).toEqual([])
    expect(await rows('doctor_job_rows')).toEqual([])
  })

  test('what is missing is named at once', () => {
    expect(() => doctor({ getJob: undefined as never })).toThrow('`getJob` must be a function.')
    expect(() => doctor({ prismaClient: {} as never })).toThrow('`prismaClient` must be a Prisma client.')
    expect(() => doctor({ maxAttempts: 0 })).toThrow('`maxAttempts` must be a whole number from 1.')
  })
})

describe.skipIf(serverUrl === '')('createDoctorJobs, on the tables of the queue', () => {
  const schema = 'doctor_jobs'
  let prisma: PrismaClient
  let queue: JobQueue

  beforeAll(async () => {
    await generatePrismaClient('doctor-jobs')
    prisma = await openPrisma(serverUrl, 'doctor-jobs')
    queue = initJobQueue({ databaseConfig: { connectionString: serverUrl, max: 3 }, schema, listen: false })
    await queue.ready()
  }, 60_000)
  afterAll(async () => {
    await prisma.$executeRawUnsafe(`drop schema if exists ${schema} cascade`)
    await queue.close()
    await prisma.$disconnect()
  })

  test('3c 6: queue, run and dead letters, with retries and the error kept', async () => {
    const doctorJobs = createDoctorJobs<ParsedJob>(prisma, { queue, maxAttempts: 2 })
    expect(await doctorJobs.queue(async () => ({ data: 7, job: login('c1') }))).toBe(7)
    const lost = doctorJobs.queue(async () => Promise.reject(new Error('refused')))
    await expect(lost).rejects.toThrow('refused')
    const handled: ParsedJob[] = []
    await doctorJobs.run((job) => handled.push(job))
    expect(handled).toEqual([login('c1')])

    await doctorJobs.queue(async () => ({ data: null, job: login('bad') }))
    const fail = (): never => {
      throw new Error('always')
    }
    await doctorJobs.run(fail)
    expect(await doctorJobs.getDeadLetters()).toEqual([])
    const [waiting] = await queue.getJobs({ status: 'failed' })
    await queue.retryJob(Number(waiting?.id))
    await doctorJobs.run(fail)
    expect(await doctorJobs.getDeadLetters()).toMatchObject([
      { id: String(waiting?.id), data: JSON.stringify(login('bad')), error: 'always', attempts: 2 },
    ])
    await doctorJobs.stop()
  })

  test('3c 8: several at once, the urgent first, none before its time, and what is dead can be driven again', async () => {
    const doctorJobs = createDoctorJobs<ParsedJob>(prisma, {
      queue,
      jobType: 'many',
      maxAttempts: 1,
      processor: { concurrency: 2 },
    })
    const add = (id: string, options: DoctorJobsQueueOptions = {}): Promise<null> =>
      doctorJobs.queue(async () => ({ data: null, job: login(id), options }))
    await add('low')
    await add('high', { priority: 5 })
    await add('next year', { runAt: new Date(Date.now() + 31_536_000_000) })
    const order: string[] = []
    await doctorJobs.run((job) => void order.push(JSON.stringify(job)))
    expect(order).toEqual([login('high'), login('low')].map((job) => JSON.stringify(job)))

    // Both at once, begun by no timer.
    let running = 0
    const both = createGate()
    let works = false
    doctorJobs.start(async () => {
      running += 1
      if (running === 2) both.open()
      await both.promise
      if (!works) throw new Error('not yet')
    })
    await add('one')
    await add('two')
    const dead = await vi.waitFor(async () => {
      const letters = await doctorJobs.getDeadLetters()
      expect(letters).toHaveLength(2)
      return letters
    }, 15_000)
    works = true
    const again = await queue.redrive({ jobType: 'many' })
    expect(again.map(String).toSorted()).toEqual(dead.map(({ id }) => id).toSorted())
    await vi.waitFor(
      async () => expect(await queue.getJobs({ jobType: 'many', status: 'completed' })).toHaveLength(4),
      15_000,
    )
    await doctorJobs.stop()
  })
})

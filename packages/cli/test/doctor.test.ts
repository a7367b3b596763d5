import { fileURLToPath } from 'node:url'
import { initJobQueue, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run, start } from './support/command.ts'
import { doctor, type Examined } from './support/doctor.ts'
import { poll } from './support/poll.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const SCHEMA = 'cli_doctor_test'
const ROLE = 'cli_doctor_app'
const JOBS = fileURLToPath(new URL('programs/jobs.mjs', import.meta.url))

describe.skipIf(url === '')('doctor', { timeout: 60_000 }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 3 })
  let queue: JobQueue
  const env = { DATABASE_URL: url }
  const cli = (...args: string[]): Promise<Ended> => run([...args, '--schema', SCHEMA], { env })
  const examine = (...args: string[]): Promise<Examined> =>
    doctor(['--schema', SCHEMA, '--max-wait', '1h', '--max-transaction', '1h', ...args], env)

  beforeAll(async () => {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 2 }, schema: SCHEMA, listen: false })
    await queue.ready()
    await admin.query(`drop role if exists ${ROLE}`)
    await admin.query(`create role ${ROLE}`)
    await admin.query((await cli('grants', '--role', ROLE)).stdout)
  })
  afterAll(async () => {
    await queue.close()
    await admin.query(`drop owned by ${ROLE}`)
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.query(`drop role ${ROLE}`)
    await admin.end()
  })

  it('finds nothing in a database that is well', async () => {
    expect(await examine('--role', ROLE)).toMatchObject({ code: 0, ok: true, found: [] })
  })

  const plain: readonly (readonly [name: string, plant: string])[] = [
    ['schema', `update ${SCHEMA}.migrations set checksum = 'older' where version = 0`],
    ['rights', `revoke update on ${SCHEMA}.jobs, ${SCHEMA}.tokens from ${ROLE}`],
    ['rights', `revoke execute on all functions in schema ${SCHEMA} from ${ROLE}`],
    ['invalid indexes', `update pg_index set indisvalid = false where indexrelid = '${SCHEMA}.jobs_due'::regclass`],
    ['missing indexes', `drop index ${SCHEMA}.jobs_ready, ${SCHEMA}.finished_jobs_id`],
    ['autovacuum', `alter table ${SCHEMA}.jobs set (autovacuum_enabled = false)`],
    [
      'expired claims',
      `select ${SCHEMA}.add_job('claimed', max_attempts := 1); select * from ${SCHEMA}.get_jobs('sql', array['claimed']);
        update ${SCHEMA}.sql_leases set lease_until = now() - interval '2 minutes';
        update ${SCHEMA}.jobs set lease_until = (select lease_until from ${SCHEMA}.sql_leases) where lease_until is not null`,
    ],
    [
      'stale rows',
      `insert into ${SCHEMA}.cancel_requests (job_id, token, worker, lost) select n, n, 0, false from generate_series(1, 200) n`,
    ],
  ]
  it.each(plain)('finds what was planted, mends it with --fix, and nothing without: %s: %s', async (name, plant) => {
    await admin.query(plant)
    // Functions can be called by everybody unless that is taken away as well.
    if (plant.includes('all functions'))
      await admin.query(`revoke execute on all functions in schema ${SCHEMA} from public`)
    const looked = await examine('--role', ROLE)
    expect(looked).toMatchObject({ code: 1, found: [name] })
    // What looking alone had mended would not be there to be mended.
    const mended = await examine('--role', ROLE, '--fix')
    expect(mended).toMatchObject({ code: 0, ok: true, fixed: [{ name, done: true }] })
  })

  it('finds that the days of history are not made ahead, and a completed job beside them', async () => {
    const { rows } = await admin.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = '${SCHEMA}.finished_jobs'::regclass
         and inhrelid::regclass::text !~ 'default'`,
    )
    await admin.query(`drop table ${rows.map(({ name }) => name).join(', ')}`)
    const id = await queue.addJob({ jobType: 'strayed', payload: {} })
    await queue.createProcessor({ strayed: () => 1 }, { jobType: 'strayed', heartbeat: 'main' }).start()
    expect((await examine()).found).toEqual(['history'])
    expect(await examine('--fix')).toMatchObject({ code: 0, fixed: [{ name: 'history', done: true }] })
    expect((await queue.getJob(id))?.status).toBe('completed')
    expect((await admin.query(`select from ${SCHEMA}.finished_jobs_default`)).rowCount).toBe(0)
  })

  it('finds dead workers, and takes back what they held', async () => {
    const worker = start(['worker', JOBS, '--json', '--no-migrate', '--schema', SCHEMA], { env })
    const id = await queue.addJob({ jobType: 'slow', payload: { ms: 60_000 } })
    try {
      await poll(() => worker.text().includes(`"processing","jobId":${id},`))
      const lonely = await queue.addJob({ jobType: 'lonely', payload: {} })
      expect((await examine()).found).toEqual(['types'])
      await queue.cancelJob(lonely)
    } finally {
      worker.child.kill('SIGKILL')
    }
    await worker.ended
    await admin.query(`update ${SCHEMA}.workers set expires_at = now() - interval '2 minutes'`)
    const looked = await examine()
    expect(looked).toMatchObject({ code: 1, found: ['dead workers'] })
    expect(looked.checks.find(({ ok }) => !ok)?.detail).toMatch(/with 1 jobs/)
    const mended = await cli('doctor', '--fix', '--max-wait', '1h')
    expect(mended.stdout).toMatch(/^fixed dead workers: took back/)
    expect((await queue.getJob(id))?.status).toBe('pending')
    // Nobody is left to run it; that is for no doctor to mend.
    expect(mended).toMatchObject({ code: 1, stdout: expect.stringMatching(/FINDING +workers +none is alive/) })
    await queue.cancelJob(id)
  })

  it('finds a transaction that is open for too long, and says what cannot be fixed', async () => {
    const client = await admin.connect()
    try {
      await client.query('begin')
      await client.query('select txid_current()')
      await poll(async () => (await examine('--max-transaction', '10ms')).found.includes('transactions'))
      const kept = await cli('doctor', '--fix', '--max-transaction', '10ms')
      expect(kept).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/FINDING +transactions[^]*transactions: end it/),
      })
    } finally {
      await client.query('rollback')
      client.release()
    }
  })

  it('a role without rights is told which, and does not pretend to mend them', async () => {
    await admin.query(`revoke insert on ${SCHEMA}.jobs from ${ROLE}`)
    await admin.query(`alter role ${ROLE} login password 'secret'`)
    const as = new URL(url)
    as.username = ROLE
    as.password = 'secret'
    const { code, stdout } = await run(['doctor', '--fix', '--schema', SCHEMA], { env: { DATABASE_URL: as.href } })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^NOT FIXED rights: [^]*insert of jobs[^]*as the owner of the schema: millrace grants/)
    await admin.query(`grant insert on ${SCHEMA}.jobs to ${ROLE}`)
  })

  it('a role that may not even look at the schema is told so, by the doctor and by every other command', async () => {
    await admin.query(`revoke usage on schema ${SCHEMA} from ${ROLE}`)
    await admin.query(`alter role ${ROLE} login password 'secret'`)
    const as = new URL(url)
    as.username = ROLE
    as.password = 'secret'
    const env = { DATABASE_URL: as.href }
    const looked = await doctor(['--schema', SCHEMA], env)
    expect(looked).toMatchObject({ code: 1, found: ['rights'] })
    expect(looked.findings[0]).toMatchObject({
      detail: expect.stringContaining('usage of the schema'),
      next: expect.stringContaining(`millrace grants --schema '${SCHEMA}' --role '${ROLE}' | psql`),
    })
    expect(await run(['ls', '--schema', SCHEMA], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/permission denied for schema[^]*do: .*millrace grants --role/),
    })
    await admin.query(`grant usage on schema ${SCHEMA} to ${ROLE}`)
  })

  it('a role, or a database, that is not there is a database that cannot be reached', async () => {
    const [role, database] = [new URL(url), new URL(url)]
    role.username = 'nobody_of_that_name'
    database.pathname = '/no_database_of_that_name'
    expect(await run(['doctor'], { env: { DATABASE_URL: role.href } })).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/role "nobody_of_that_name" does not exist[^]*do: .*user and the password/),
    })
    expect(await run(['ls'], { env: { DATABASE_URL: database.href } })).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/does not exist[^]*do: .*name of the database/),
    })
  })
})

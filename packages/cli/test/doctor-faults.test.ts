import { initJobQueue, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doctor, type Examined } from './support/doctor.ts'
import { hasPooler, type OwnPostgres, startPooler, startPostgres } from './support/servers.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const SCHEMA = 'cli_doctor_faults'
const POOLER = await hasPooler()
const LENIENT = ['--max-wait', '1h', '--max-transaction', '1h']

/** One fault, really made, with what the doctor says it is and what it says to do about it. */
interface Planted {
  readonly name: string
  readonly plant: (place: Place) => unknown
  readonly undo: (place: Place) => unknown
  readonly next: RegExp
  readonly args?: readonly string[]
  /** What cannot be told apart from it. */
  readonly also?: readonly string[]
}

interface Place {
  readonly queue: JobQueue
  readonly admin: pg.Pool
}

const aloneInIt = `from generate_series(1, 2) n`
const WORKER = `insert into ${SCHEMA}.workers (worker_id, host, pid, version, concurrency, started_at, last_seen_at, expires_at, sleeping)
  select 'w' || n, 'h', n, '0.' || n || '.0', 1, now(), now(), now() + interval '1 hour', true ${aloneInIt}`

const FAULTS: readonly Planted[] = [
  {
    name: 'invariants',
    plant: ({ admin }) =>
      admin.query(`insert into ${SCHEMA}.audit (at, actor, action, target) values (now(), '', 'x', '{}')`),
    undo: ({ admin }) => admin.query(`delete from ${SCHEMA}.audit where actor = ''`),
    next: /changed the tables.*bug/,
  },
  {
    name: 'schema',
    plant: ({ admin }) =>
      admin.query(
        `insert into ${SCHEMA}.migrations (version, name, checksum, oldest_client) values (9999, 'x', 'x', 9999)`,
      ),
    undo: ({ admin }) => admin.query(`delete from ${SCHEMA}.migrations where version = 9999`),
    next: /version of millrace that the schema was made by/,
  },
  {
    name: 'versions',
    plant: ({ admin }) => admin.query(WORKER),
    undo: ({ admin }) => admin.query(`delete from ${SCHEMA}.workers`),
    next: /finish the deploy/,
  },
  {
    name: 'workers',
    plant: ({ queue }) => queue.addJob({ jobType: 'lonely', payload: {} }),
    undo: ({ queue }) => queue.cancelAllUpcomingJobs(),
    next: /millrace worker/,
  },
  {
    name: 'oldest ready job',
    plant: async ({ queue, admin }) => {
      await admin.query(WORKER.replace(`'0.' || n || '.0'`, `'1.0.0'`))
      await queue.addJob({ jobType: 'late', payload: {} })
    },
    undo: async ({ queue, admin }) => {
      await queue.cancelAllUpcomingJobs()
      await admin.query(`delete from ${SCHEMA}.workers`)
    },
    args: ['--max-wait', '1ms'],
    next: /too few workers/,
  },
  {
    name: 'schedules',
    plant: async ({ queue, admin }) => {
      await queue.addCronJob({ scheduleName: 'late', cronExpression: '* * * * *', jobType: 'x', payload: {} })
      await admin.query(`update ${SCHEMA}.schedules set next_run_at = now() - interval '1 hour'`)
    },
    undo: async ({ queue }) => {
      for (const { id } of await queue.listCronJobs()) await queue.removeCronJob(id)
    },
    next: /start a worker or a supervisor/,
  },
  {
    name: 'dead letters',
    plant: async ({ queue }) => {
      const doomed = { jobType: 'doomed', payload: {}, maxAttempts: 1 }
      await queue.addJobs([doomed, doomed, doomed])
      const handlers = { doomed: () => Promise.reject(new Error('no luck')) }
      await queue.createProcessor(handlers, { jobType: 'doomed', heartbeat: 'main' }).start()
    },
    undo: ({ admin }) => admin.query(`update ${SCHEMA}.failed_jobs set finished_at = now() - interval '61 minutes'`),
    args: ['--max-dead', '2'],
    next: /millrace errors.*millrace dead redrive/,
  },
  {
    name: 'pauses',
    plant: async ({ queue, admin }) => {
      await queue.pause({ jobType: 'held', tenantId: 'acme' })
      await admin.query(`update ${SCHEMA}.pauses set paused_at = now() - interval '25 hours'`)
    },
    undo: ({ queue }) => queue.resume({ jobType: 'held', tenantId: 'acme' }),
    next: /millrace queues.*millrace resume/,
  },
  {
    name: 'clocks',
    plant: () => undefined,
    undo: () => undefined,
    next: /clock/,
  },
]

/** Planted in `doctor.test.ts`, and below on a server of its own. */
const ELSEWHERE = [
  'rights',
  'types',
  'invalid indexes',
  'missing indexes',
  'history',
  'dead workers',
  'expired claims',
  'stale rows',
  'autovacuum',
  'transactions',
  'connections',
  'vacuum',
  'wraparound',
  'transaction ids',
  'pooler',
]
/** They say nothing when all is well. */
const SILENT = ['versions', 'transactions', 'transaction ids']

/** Puts the clock of a process an hour ahead. */
const AHEAD = `data:text/javascript,const now=Date.now.bind(Date);Date.now=()=>now()+3600000`

describe.skipIf(url === '')('the doctor finds', { timeout: 60_000 }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  let queue: JobQueue
  const examine = (...args: string[]): Promise<Examined> =>
    doctor(['--schema', SCHEMA, ...LENIENT, ...args], { DATABASE_URL: url })

  beforeAll(async () => {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 2 }, schema: SCHEMA, listen: false })
    await queue.ready()
  })
  afterAll(async () => {
    await queue.close()
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
  })

  it('whatever it looks for: each is planted somewhere', async () => {
    const looked = (await examine()).checks.map(({ name }) => name)
    const planted = [...FAULTS.map(({ name }) => name), ...ELSEWHERE]
    expect(looked.filter((name) => !planted.includes(name))).toEqual(['connection'])
    expect(planted.filter((name) => ![...looked, ...SILENT].includes(name))).toEqual([])
  })

  it.each(FAULTS)('$name, says what to do, leaves it with --fix, and is content once it is gone', async (fault) => {
    const { name, plant, undo, args = [], also = [], next } = fault
    const env = { DATABASE_URL: url, ...(name === 'clocks' && { NODE_OPTIONS: `--import "${AHEAD}"` }) }
    const look = (...more: string[]): Promise<Examined> =>
      doctor(['--schema', SCHEMA, ...LENIENT, ...args, ...more], env)
    await plant({ queue, admin })
    try {
      const looked = await look()
      expect(looked).toMatchObject({ code: 1, ok: false, found: [name, ...also] })
      expect(looked.findings[0]).toMatchObject({ fixable: false, next: expect.stringMatching(next) })
      expect(await look('--fix')).toMatchObject({ code: 1, found: [name, ...also], fixed: [] })
    } finally {
      await undo({ queue, admin })
    }
    expect(await examine(...args)).toMatchObject({ code: 0, ok: true, found: [] })
  })
})

describe.skipIf(url === '')('of a server the doctor finds', { timeout: 90_000 }, () => {
  let server: OwnPostgres
  let admin: pg.Pool
  let queue: JobQueue
  const examine = (...args: string[]): Promise<Examined> =>
    doctor(['--schema', SCHEMA, ...LENIENT, ...args], { DATABASE_URL: server.url })
  const nextOf = ({ findings }: Examined): string => findings.map(({ next }) => next).join('\n')

  beforeAll(async () => {
    server = await startPostgres({ max_connections: 40, max_prepared_transactions: 2 })
    admin = new pg.Pool({ connectionString: server.url, max: 1 })
    queue = initJobQueue({ databaseConfig: { connectionString: server.url, max: 1 }, schema: SCHEMA, listen: false })
    await queue.ready()
  })
  afterAll(async () => {
    await queue.close()
    await admin.end()
    await server.stop('immediate')
  })

  it('nothing, if it is well', async () => {
    expect(await examine()).toMatchObject({ code: 0, found: [] })
  })

  it('connections that are nearly all used', async () => {
    const clients = Array.from({ length: 36 }, () => new pg.Client(server.url))
    for (const client of clients) await client.connect()
    try {
      const looked = await examine()
      expect(looked.found).toEqual(['connections'])
      expect(nextOf(looked)).toMatch(/smaller pools, or a pooler/)
    } finally {
      for (const client of clients) await client.end()
    }
  })

  it('autovacuum that is off, and the dead rows that pile up then', async () => {
    const set = async (value: string): Promise<void> => {
      await admin.query(`alter system set autovacuum = ${value}`)
      await admin.query('select pg_reload_conf()')
      await expect.poll(async () => (await admin.query('show autovacuum')).rows).toEqual([{ autovacuum: value }])
    }
    await set('off')
    await admin.query(
      `insert into ${SCHEMA}.metrics select now(), n::text, '', 1, 0, 0, 0, '{}', 0, '{}' from generate_series(1, 110000) n`,
    )
    await admin.query(`delete from ${SCHEMA}.metrics`)
    await admin.query('select pg_stat_force_next_flush()')
    const looked = await examine()
    expect(looked.found).toEqual(['autovacuum', 'vacuum'])
    expect(nextOf(looked)).toMatch(/alter system set autovacuum = on[^]*is autovacuum on/)
    expect(looked.findings[1]?.detail).toContain('metrics (110000)')
    await set('on')
    await admin.query(`vacuum ${SCHEMA}.metrics`)
    expect((await examine()).found).toEqual([])
  })

  it('what keeps old transactions in sight, and rows that are not frozen', async () => {
    await admin.query(`begin; create table kept (a int); prepare transaction 'forgotten'`)
    for (let n = 0; n < 300; n++) await admin.query('select txid_current()')
    const looked = await examine('--max-xid-age', '200')
    expect(looked.found).toEqual(['wraparound', 'transaction ids'])
    expect(nextOf(looked)).toMatch(/vacuum \(freeze\)[^]*prepared transactions/)
    await admin.query(`rollback prepared 'forgotten'`)
    await admin.query('vacuum (freeze)')
    expect((await examine('--max-xid-age', '200')).found).toEqual([])
  })

  it.skipIf(!POOLER)('a pooler that keeps no sessions, unless it is meant', async () => {
    const pooler = await startPooler(server.url, {})
    const through = (...args: string[]): Promise<Examined> =>
      doctor(['--schema', SCHEMA, ...LENIENT, ...args], { DATABASE_URL: pooler.url })
    try {
      const looked = await through()
      expect(looked.found).toEqual(['pooler'])
      expect(looked.findings[0]?.detail).toMatch(
        /transaction mode: notifications do not pass, prepared statements are lost/,
      )
      expect(nextOf(looked)).toMatch(/listen: false.*max_prepared_statements.*--pooled/)
      expect(await through('--pooled')).toMatchObject({ code: 0, found: [] })
    } finally {
      await pooler.stop()
    }
    const session = await startPooler(server.url, { pool_mode: 'session' })
    try {
      const looked = await doctor(['--schema', SCHEMA, ...LENIENT], { DATABASE_URL: session.url })
      expect(looked.checks.find(({ name }) => name === 'pooler')).toMatchObject({
        ok: true,
        detail: expect.stringContaining('keeps sessions'),
      })
    } finally {
      await session.stop()
    }
  })
})

/** `app_jobs.get_job` and `complete_job`, one job at a time, beside the package that they stand in for. */
import pg from 'pg'
import { fill, prepare } from '../lib/app-jobs.mjs'
import { withClient } from '../lib/databases.mjs'
import { nowMs } from '../lib/machine.mjs'
import { atLeast, atMost, median, middle, pairedRatio } from '../lib/stats.mjs'

const CLIENTS = 32
const THEIRS = 'database-jobs'
const OURS = 'app_jobs'

/** @typedef {import('../lib/app-jobs.mjs').Kind} Kind */
/** @typedef {import('./index.mjs').Context} Context */

/** @type {import('./index.mjs').Scenario} */
export const getJob = {
  name: 'get-job-32',
  title: `${CLIENTS} clients that call get_job and complete_job one at a time`,
  conditions:
    'each call its own statement and commit; clients in the process of the benchmark; a new database each round',
  participants: [
    { id: THEIRS, adapter: THEIRS },
    { id: OURS, adapter: OURS },
  ],
  columns: [
    { key: 'jobsPerSecond', label: 'jobs/s', digits: 0 },
    { key: 'dbUs', label: 'db CPU us/job', digits: 0 },
  ],
  ratio: { key: 'jobsPerSecond', label: `rate to ${THEIRS}`, to: THEIRS },
  async open({ adapter }) {
    return { kind: /** @type {Kind} */ (adapter), database: `get_job_${adapter.replace(/\W/g, '_')}` }
  },
  async measure({ kind, database }, context) {
    const url = await freshDatabase(context, kind, database)
    await fill(kind, url, context.sizes.getJobs)
    await context.server.checkpoint()
    const cpu = context.server.watchCpu()
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(url)))
    const start = nowMs()
    const until = start + context.sizes.getJobMs
    const done = await Promise.all(clients.map((client, n) => work(client, `worker-${n}`, until)))
    const jobs = done.reduce((sum, one) => sum + one, 0)
    const seconds = (nowMs() - start) / 1000
    await Promise.all(clients.map((client) => client.end()))
    return { jobsPerSecond: jobs / seconds, dbUs: cpu.usPer(jobs), foreignCores: cpu.foreignCores() }
  },
  close: ({ database }, { server }) => server.drop(database),
  bars: (samples) => [atLeast(`rate to ${THEIRS}`, pairedRatio(samples, OURS, THEIRS, 'jobsPerSecond'), 2)],
}

/** @type {import('./index.mjs').Scenario} */
export const getJobBusyQueue = {
  name: 'get-job-busy-queue',
  title: 'get_job with nothing to do but what waits behind a running job of its queue',
  conditions: 'ms a call, one client, the median of as many as fit in the slice',
  participants: [
    { id: `${THEIRS}, 100`, adapter: THEIRS, deep: '100' },
    { id: `${THEIRS}, 100,000`, adapter: THEIRS, deep: '100000' },
    { id: `${OURS}, 100`, adapter: OURS, deep: '100' },
    { id: `${OURS}, 100,000`, adapter: OURS, deep: '100000' },
  ],
  columns: [
    { key: 'ms', label: 'ms/call', digits: 3 },
    { key: 'dbUs', label: 'db CPU us/call', digits: 0 },
  ],
  ratio: { key: 'ms', label: `time to ${THEIRS}, 100`, to: `${THEIRS}, 100` },
  async open({ adapter, deep }, context) {
    const kind = /** @type {Kind} */ (adapter)
    const database = `busy_queue_${adapter.replace(/\W/g, '_')}_${deep ?? ''}`
    const url = await freshDatabase(context, kind, database)
    await fill(kind, url, Math.min(Number(deep), context.sizes.busyQueue), 'busy')
    await withClient(url, async (client) => {
      await client.query(`select from app_jobs.get_job('worker-0')`)
      // What came in while the queue had room is looked at once.
      for (let n = 0; n < 200; n++) await client.query(`select from app_jobs.get_job('worker-1')`)
      await client.query('vacuum analyze')
    })
    return { url, database }
  },
  async measure({ url }, { server, sizes }) {
    return withClient(url, async (client) => {
      await server.checkpoint()
      const cpu = server.watchCpu()
      /** @type {number[]} */
      const took = []
      const until = nowMs() + sizes.sliceMs
      for (let at = nowMs(); at < until;) {
        const { rows } = await client.query({ name: 'get', text: `select id from app_jobs.get_job('worker-2')` })
        if (rows[0]?.id) throw new Error('the queue is busy, and nothing else is there')
        const now = nowMs()
        took.push(now - at)
        at = now
      }
      return { ms: median(took), dbUs: cpu.usPer(took.length), foreignCores: cpu.foreignCores() }
    })
  },
  close: ({ database }, { server }) => server.drop(database),
  bars: (samples) => [
    atMost(
      'a call beside 100,000 jobs, limit: beside 100, + 25 %',
      middle(samples, `${OURS}, 100,000`, 'ms'),
      middle(samples, `${OURS}, 100`, 'ms') * 1.25,
    ),
  ],
}

/** @param {Context} context @param {Kind} kind @param {string} database */
async function freshDatabase({ server }, kind, database) {
  const url = server.urlOf(database)
  await server.create(database)
  await prepare(kind, url)
  return url
}

/** @param {string} url */
async function connect(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

/**
 * Works jobs until the time is up, or there are none left.
 *
 * @param {pg.Client} client
 * @param {string} worker
 * @param {number} until
 */
async function work(client, worker, until) {
  let done = 0
  while (nowMs() < until) {
    const got = await client.query({
      name: 'get',
      text: 'select * from app_jobs.get_job($1, $2)',
      values: [worker, ['noop']],
    })
    const id = got.rows[0]?.id
    if (!id) throw new Error('more jobs are needed: a client had nothing to do')
    const { rows } = await client.query({
      name: 'complete',
      text: 'select id from app_jobs.complete_job($1, $2)',
      values: [worker, id],
    })
    if (rows[0]?.id !== id) throw new Error(`job ${id} was not completed`)
    done += 1
  }
  return done
}

/** 2,000 jobs a second, worked as they come; also while a transaction keeps vacuum from removing anything. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { countUnfinished, createTemplate } from '../lib/drains.mjs'
import { startHost } from '../lib/hosts.mjs'
import { nowMs } from '../lib/machine.mjs'
import { atMost, middle, pairedRatio } from '../lib/stats.mjs'

const CONCURRENCY = 10
const GRAPHILE = 'graphile:tuned'

/** @typedef {import('./index.mjs').Scenario} Scenario */

/** @type {import('./index.mjs').Participant[]} */
const PARTICIPANTS = [
  { id: 'raw', adapter: 'raw' },
  { id: 'millrace', adapter: 'millrace' },
  { id: GRAPHILE, adapter: GRAPHILE, rival: true },
  { id: 'pgboss', adapter: 'pgboss', rival: true },
]

const COLUMNS = [
  { key: 'jobsPerSecond', label: 'jobs/s', digits: 0 },
  { key: 'p50Ms', label: 'p50 ms', digits: 2 },
  { key: 'p99Ms', label: 'p99 ms', digits: 2 },
  { key: 'firstP50Ms', label: 'first p50', digits: 2 },
  { key: 'lastP50Ms', label: 'last p50', digits: 2 },
  { key: 'lastP99Ms', label: 'last p99', digits: 2 },
  { key: 'dbUs', label: 'db µs/job', digits: 0 },
  { key: 'workerUs', label: 'worker µs/job', digits: 0 },
  { key: 'backlog', label: 'backlog', digits: 0 },
  { key: 'n', label: 'n', digits: 0 },
]

/**
 * @param {{ pinned: boolean }} how
 * @returns {Pick<Scenario, 'participants' | 'columns' | 'ratio' | 'open' | 'measure' | 'close'>}
 */
function steadily({ pinned }) {
  return {
    participants: PARTICIPANTS,
    columns: COLUMNS,
    ratio: { key: 'p50Ms', label: 'p50 to raw' },
    open: async ({ adapter }, context) => ({ adapter, template: await createTemplate(context, adapter) }),
    async measure({ adapter, template }, context) {
      const database = `steady_${adapter.replace(/\W/g, '_')}`
      await context.server.create(database, template)
      const place = { adapter, url: context.server.urlOf(database) }
      const [worker, adder] = await Promise.all([startHost(place), startHost(place)])
      try {
        return await load({ ...place, worker, adder, pinned }, context)
      } finally {
        await Promise.all([worker.close(), adder.close()])
        await context.server.drop(database)
      }
    },
    close: ({ template }, { server }) => server.drop(template),
  }
}

/**
 * Warms up, opens the transaction if there is to be one, and measures from there.
 *
 * @param {{ adapter: string; url: string; worker: import('../lib/hosts.mjs').Host; adder: import('../lib/hosts.mjs').Host; pinned: boolean }} what
 * @param {import('./index.mjs').Context} context
 * @returns {Promise<import('./index.mjs').Sample>}
 */
async function load({ adapter, url, worker, adder, pinned }, { server, sizes }) {
  const ms = pinned ? sizes.pinnedMs : sizes.steadyMs
  await adder.call('openProducer', { connections: 4, wake: true })
  await worker.call('startWorker', { concurrency: CONCURRENCY, record: true })
  await server.checkpoint()
  const adding = adder.call('addSteadily', { perSecond: sizes.steadyPerSecond, ms: sizes.steadyWarmUpMs + ms })
  await sleep(sizes.steadyWarmUpMs)
  const pin = pinned ? await holdTransaction(url) : undefined
  try {
    const begin = nowMs()
    const cpu = server.watchCpu()
    await worker.call('resetCpu')
    const handledBefore = await worker.call('countHandled')
    await adding
    const seconds = (nowMs() - begin) / 1000
    const handled = (await worker.call('countHandled')) - handledBefore
    const { cpuUs } = await worker.call('readCpu')
    const figures = { dbUs: cpu.usPer(handled), foreignCores: cpu.foreignCores() }
    const backlog = await countUnfinished(adapter, url)
    // What is late must be in the figures too.
    await sleep(Math.min(1000, sizes.windowMs))
    const end = begin + ms
    const windows = [
      [begin, end],
      [begin, begin + sizes.windowMs],
      [end - sizes.windowMs, end],
    ]
    const [all, first, last] = await worker.call('latencyWindows', { windows })
    return {
      jobsPerSecond: handled / seconds,
      p50Ms: all.p50Ms,
      p99Ms: all.p99Ms,
      firstP50Ms: first.p50Ms,
      firstP99Ms: first.p99Ms,
      lastP50Ms: last.p50Ms,
      lastP99Ms: last.p99Ms,
      drift: last.p50Ms / first.p50Ms,
      n: all.n,
      workerUs: cpuUs / handled,
      backlog,
      ...figures,
    }
  } finally {
    await pin?.end()
    await worker.call('stopWorker')
  }
}

/** A transaction that has seen the database and stays open: a report, a backup. @param {string} url */
async function holdTransaction(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin isolation level repeatable read')
  await client.query('select count(*) from pg_class')
  return client
}

/** @type {Scenario} */
export const steady = {
  name: 'steady',
  title: '2,000 jobs a second',
  conditions: 'added every 10 ms in one batch; concurrency 10; 30 s after a warm-up of 3 s',
  ...steadily({ pinned: false }),
  bars: (samples) => [
    atMost('p50 / raw', pairedRatio(samples, 'millrace', 'raw', 'p50Ms'), 2),
    atMost('p99 ms, limit: graphile:tuned', middle(samples, 'millrace', 'p99Ms'), middle(samples, GRAPHILE, 'p99Ms')),
  ],
}

/** @type {Scenario} */
export const steadyPinned = {
  name: 'steady-pinned',
  title: '2,000 jobs a second while a REPEATABLE READ transaction is open for 60 s',
  conditions: 'as steady, 60 s; first and last 10 s',
  ...steadily({ pinned: true }),
  bars: (samples) => {
    const ours = middle(samples, 'millrace', 'lastP50Ms')
    const rivals = PARTICIPANTS.filter(({ rival }) => rival).map(({ id }) => id)
    return [
      atMost('p50 of the last 10 s / first 10 s', middle(samples, 'millrace', 'drift'), 1.5),
      ...rivals.map((id) => atMost(`p50 ms of the last 10 s, limit: ${id}`, ours, middle(samples, id, 'lastP50Ms'))),
    ]
  },
}

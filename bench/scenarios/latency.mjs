/** From just before the add to the start of the handler, in an idle queue. */
import { startHost } from '../lib/hosts.mjs'
import { atMost, middle } from '../lib/stats.mjs'

const CONCURRENCY = 10
/** @type {[number, number]} */
const GAP_MS = [6, 14]

/** @typedef {import('./index.mjs').Participant} Participant */
/** @typedef {import('./index.mjs').Scenario} Scenario */

/** @param {boolean} sameProcess @returns {Participant[]} */
function participants(sameProcess) {
  return [
    { id: 'raw', adapter: 'raw', sameProcess },
    { id: 'millrace', adapter: 'millrace', sameProcess },
    { id: 'graphile', adapter: 'graphile', rival: true, sameProcess },
    { id: 'graphile:tuned', adapter: 'graphile:tuned', rival: true, sameProcess },
    { id: 'pgboss', adapter: 'pgboss', rival: true, sameProcess },
    { id: 'bullmq', adapter: 'bullmq', rival: true, slow: true, sameProcess },
  ]
}

/** @type {Pick<Scenario, 'columns' | 'ratio' | 'open' | 'measure' | 'close' | 'bars'>} */
export const latencies = {
  columns: [
    { key: 'p50Ms', label: 'p50 ms', digits: 2 },
    { key: 'p95Ms', label: 'p95 ms', digits: 2 },
    { key: 'p99Ms', label: 'p99 ms', digits: 2 },
    { key: 'addP50Ms', label: 'add p50 ms', digits: 2 },
    { key: 'n', label: 'n', digits: 0 },
  ],
  ratio: { key: 'p50Ms', label: 'p50 to raw' },
  async open({ adapter, sameProcess }, { server }) {
    const database = `latency_${adapter.replace(/\W/g, '_')}`
    const place = { adapter, url: server.urlOf(database) }
    await server.create(database)
    const worker = await startHost(place)
    await worker.call('prepare')
    const adder = sameProcess ? worker : await startHost(place)
    if (adder !== worker) await adder.call('openProducer', { connections: 2, wake: true })
    return { worker, adder, database }
  },
  async measure({ worker, adder }, { server, sizes }) {
    await server.checkpoint()
    await worker.call('startWorker', { concurrency: CONCURRENCY, record: true, produce: adder === worker })
    const cpu = server.watchCpu()
    const { addP50Ms } = await adder.call('addApart', { count: sizes.latencies, gapMs: GAP_MS })
    const foreignCores = cpu.foreignCores()
    await worker.call('stopWorker')
    const summary = await worker.call('latencies', { skip: sizes.latencyWarmUp })
    return { ...summary, addP50Ms, foreignCores }
  },
  async close({ worker, adder, database }, { server }) {
    await adder.close()
    await worker.close()
    await server.drop(database)
  },
  bars: (samples) => [
    atMost('p50 ms, limit: graphile', middle(samples, 'millrace', 'p50Ms'), best(samples, 'p50Ms')),
    atMost('p99 ms, limit: graphile', middle(samples, 'millrace', 'p99Ms'), best(samples, 'p99Ms')),
  ],
}

/** The better one of graphile-worker's two settings. @param {import('./index.mjs').Samples} samples @param {string} key */
function best(samples, key) {
  const values = [middle(samples, 'graphile', key), middle(samples, 'graphile:tuned', key)]
  return Math.min(...values.filter(Number.isFinite))
}

/** @type {Scenario} */
export const latency = {
  name: 'latency',
  title: 'Add to handler start, adder in another process',
  conditions: 'single adds 6 to 14 ms apart, idle queue',
  participants: participants(false),
  ...latencies,
}

/** @type {Scenario} */
export const latencySame = {
  name: 'latency-same',
  title: 'Add to handler start, adder in the same process',
  conditions: latency.conditions,
  participants: participants(true),
  ...latencies,
}

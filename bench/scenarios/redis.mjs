/** On Redis, beside BullMQ on the same server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { countUnfinished, drain, fill } from '../lib/drains.mjs'
import { startHost } from '../lib/hosts.mjs'
import { atLeast, atMost, middle, pairedRatio } from '../lib/stats.mjs'
import { adding } from './add.mjs'
import { DRAIN_COLUMNS, draining } from './drain.mjs'
import { latencies } from './latency.mjs'

/** @typedef {import('./index.mjs').Scenario} Scenario */
/** @typedef {import('./index.mjs').Context} Context */

const OURS = { id: 'millrace', adapter: 'millrace-redis' }
const BULLMQ = { id: 'bullmq', adapter: 'bullmq-redis', rival: true }
const BOTH = [OURS, BULLMQ]
const RATE = { key: 'jobsPerSecond', label: 'rate to bullmq', to: BULLMQ.id }
const NOTHING_KEPT = 'jobs that do nothing, added before; an empty database for each drain; history kept'

/** @param {number} limit @returns {Scenario['bars']} */
const rateBar = (limit) => (samples) => [
  atLeast('rate / bullmq, median of the pairs', pairedRatio(samples, OURS.id, BULLMQ.id, RATE.key), limit),
]

/** @type {Scenario} */
const addOne = {
  name: 'add-one',
  title: 'One caller that waits for each add',
  conditions: 'slices in turn',
  rounds: 9,
  ...adding({ command: 'addFor', connections: 1, options: () => ({ callers: 1 }) }),
  participants: BOTH,
  ratio: RATE,
  bars: rateBar(1),
}

/** @type {Scenario} */
const add32 = {
  name: 'add-32',
  title: '32 callers at once',
  conditions: 'one connection each',
  ...adding({ command: 'addFor', connections: 1, options: () => ({ callers: 32 }) }),
  participants: BOTH,
  ratio: RATE,
  bars: rateBar(1.5),
}

/** @type {Scenario} */
const bulk = {
  name: 'bulk',
  title: 'Batches of 1,000',
  conditions: 'one caller; `addJobs`, `addBulk`',
  ...adding({ command: 'bulkFor', connections: 1, options: ({ sizes }) => ({ size: sizes.bulkRows }) }),
  participants: BOTH,
  ratio: RATE,
  bars: rateBar(2),
}

/** @param {{ name: string; title: string; concurrency: number; processes: number; limit: number }} what @returns {Scenario} */
function drainScenario({ name, title, limit, ...how }) {
  const scenario = draining({ ...how, participants: BOTH })
  return { name, title, conditions: NOTHING_KEPT, ...scenario, ratio: RATE, bars: rateBar(limit) }
}

/** @type {Scenario} */
const latency = {
  name: 'latency',
  title: 'Add to handler start, adder in another process',
  conditions: 'single adds 6 to 14 ms apart, idle queue',
  ...latencies,
  participants: BOTH,
  ratio: { key: 'p99Ms', label: 'p99 to bullmq', to: BULLMQ.id },
  bars: (samples) => [
    atMost('p99 / bullmq, median of the pairs', pairedRatio(samples, OURS.id, BULLMQ.id, 'p99Ms'), 1),
    atMost('p50 / bullmq, median of the pairs', pairedRatio(samples, OURS.id, BULLMQ.id, 'p50Ms'), 1),
  ],
}

/**
 * Bytes that a job takes: waiting, and finished but kept. From the difference of `used_memory`.
 *
 * @type {Scenario}
 */
const memory = {
  name: 'memory',
  title: 'Memory of a job',
  conditions: 'used_memory after less before, nobody connected; payload {"n":…,"t":…}',
  rounds: 1,
  participants: BOTH,
  columns: [
    { key: 'waitingBytes', label: 'bytes, waiting', digits: 0 },
    { key: 'finishedBytes', label: 'bytes, finished', digits: 0 },
    { key: 'jobs', label: 'jobs', digits: 0 },
  ],
  ratio: { key: 'waitingBytes', label: 'waiting to bullmq', to: BULLMQ.id },
  async open({ adapter }, context) {
    return { adapter, database: `memory_${adapter}`, url: context.server.urlOf(`memory_${adapter}`) }
  },
  async measure({ adapter, database, url }, context) {
    const { server, sizes } = context
    await server.create(database)
    await prepare(adapter, url)
    const usedMemory = memoryOf(server)
    const before = await usedMemory()
    const cpu = server.watchCpu()
    await fill(adapter, url, { count: sizes.drain })
    const waiting = await usedMemory()
    const patient = { ...context, sizes: { ...sizes, drainBoxMs: 900_000 } }
    await drain(patient, { adapter, url, count: sizes.drain, concurrency: 100, processes: 1 })
    const finished = await usedMemory()
    return {
      waitingBytes: (waiting - before) / sizes.drain,
      finishedBytes: (finished - before) / sizes.drain,
      jobs: sizes.drain,
      foreignCores: cpu.foreignCores(),
    }
  },
  close: ({ database }, { server }) => server.drop(database),
  bars: (samples) => [
    atMost(
      'bytes of a waiting job, limit: bullmq',
      middle(samples, OURS.id, 'waitingBytes'),
      middle(samples, BULLMQ.id, 'waitingBytes'),
    ),
    atMost(
      'bytes of a finished job, limit: bullmq',
      middle(samples, OURS.id, 'finishedBytes'),
      middle(samples, BULLMQ.id, 'finishedBytes'),
    ),
  ],
}

/** @param {import('./index.mjs').Context['server']} server */
function memoryOf(server) {
  if (!('usedMemory' in server)) throw new Error('only on Redis')
  return server.usedMemory
}

/** @param {string} adapter @param {string} url */
async function prepare(adapter, url) {
  const host = await startHost({ adapter, url })
  await host.call('prepare')
  await host.close()
}

/** @type {Scenario} */
const backlog = {
  name: 'backlog-1m',
  title: 'Drain of the oldest of 1,000,000 waiting jobs',
  conditions: '50,000 jobs, one process, concurrency 10; "empty" drains 50,000 of 50,000',
  rounds: 5,
  participants: [
    { id: 'millrace empty', adapter: OURS.adapter },
    { ...OURS, deep: 'pending' },
  ],
  columns: DRAIN_COLUMNS,
  ratio: { key: 'jobsPerSecond', label: 'rate to empty', to: 'millrace empty' },
  async open({ id, adapter, deep }, { server }) {
    const database = `backlog_${id.replace(/\W/g, '_')}`
    await server.create(database)
    return { adapter, deep, database, url: server.urlOf(database) }
  },
  async measure({ adapter, deep, database, url }, context) {
    const { server, sizes } = context
    if (deep === undefined) await server.create(database)
    const wanted = deep === undefined ? sizes.deepDrain : sizes.pending - (await countUnfinished(adapter, url))
    await fill(adapter, url, { count: wanted })
    return drain(context, { adapter, url, count: sizes.deepDrain, concurrency: 10, processes: 1 })
  },
  close: ({ database }, { server }) => server.drop(database),
  bars: (samples) => {
    const cost = (/** @type {string} */ key) => pairedRatio(samples, OURS.id, 'millrace empty', key)
    return [
      atMost('time per job / that in an empty database', 1 / cost('jobsPerSecond'), 1.1),
      atMost('server CPU per job / that in an empty database', cost('dbUs'), 1.1),
    ]
  },
}

/** @type {Scenario} */
const idle = {
  name: 'idle',
  title: 'An idle worker',
  conditions: 'commands that clients sent, as MONITOR tells; whatever a worker runs beside its claims included',
  rounds: 1,
  participants: BOTH,
  columns: [
    { key: 'commandsPerSecond', label: 'commands/s', digits: 2 },
    { key: 'workerPercent', label: 'worker CPU %', digits: 2 },
    { key: 'dbPercent', label: 'server CPU %', digits: 2 },
  ],
  ratio: { key: 'commandsPerSecond', label: 'commands to bullmq', to: BULLMQ.id },
  async open({ adapter }, { server }) {
    const database = `idle_${adapter}`
    await server.create(database)
    const host = await startHost({ adapter, url: server.urlOf(database) })
    await host.call('prepare')
    return { host, database }
  },
  async measure({ host }, { server, sizes }) {
    if (!('countCommands' in server)) throw new Error('only on Redis')
    await host.call('startWorker', { concurrency: 10 })
    await sleep(sizes.idleSettleMs)
    const cpu = server.watchCpu()
    await host.call('resetCpu')
    const ms = sizes.idleMs / 2
    const commands = await server.countCommands(ms)
    const { cpuUs } = await host.call('readCpu')
    const figures = { dbPercent: cpu.percent(), foreignCores: cpu.foreignCores() }
    await host.call('stopWorker')
    return { commandsPerSecond: commands / (ms / 1000), workerPercent: cpuUs / 10 / ms, ...figures }
  },
  async close({ host, database }, { server }) {
    await host.close()
    await server.drop(database)
  },
  bars: (samples) => [atMost('commands per second', middle(samples, OURS.id, 'commandsPerSecond'), 2)],
}

export const REDIS_SCENARIOS = [
  addOne,
  add32,
  bulk,
  drainScenario({
    name: 'drain-c10',
    title: 'Drain, one process, concurrency 10',
    concurrency: 10,
    processes: 1,
    limit: 2,
  }),
  drainScenario({
    name: 'drain-c100',
    title: 'Drain, one process, concurrency 100',
    concurrency: 100,
    processes: 1,
    limit: 1.5,
  }),
  drainScenario({
    name: 'drain-4p',
    title: 'Drain, four processes of concurrency 10',
    concurrency: 10,
    processes: 4,
    limit: 1.5,
  }),
  latency,
  memory,
  idle,
  backlog,
]

/** Adding jobs: one caller, 32 callers, and batches of 1,000. Nobody works them. */
import { startHost } from '../lib/hosts.mjs'
import { atLeast, pairedRatio } from '../lib/stats.mjs'

const CALLERS = 32

const PARTICIPANTS = [
  { id: 'raw', adapter: 'raw' },
  { id: 'millrace', adapter: 'millrace' },
  { id: 'graphile:tuned', adapter: 'graphile:tuned', rival: true },
  { id: 'pgboss', adapter: 'pgboss', rival: true },
  { id: 'bullmq', adapter: 'bullmq', rival: true, slow: true },
]

const COLUMNS = [
  { key: 'jobsPerSecond', label: 'jobs/s', digits: 0 },
  { key: 'producerUs', label: 'adder µs/job', digits: 1 },
  { key: 'dbUs', label: 'db µs/job', digits: 1 },
]

/**
 * @param {{ command: string; connections: number; options: (context: import('./index.mjs').Context) => object }} how
 * @returns {Pick<import('./index.mjs').Scenario, 'participants' | 'columns' | 'ratio' | 'open' | 'measure' | 'close'>}
 */
export function adding({ command, connections, options }) {
  return {
    participants: PARTICIPANTS,
    columns: COLUMNS,
    ratio: { key: 'jobsPerSecond', label: 'rate to raw' },
    async open({ adapter }, context) {
      const database = `add_${adapter.replace(/\W/g, '_')}`
      await context.server.create(database)
      const host = await startHost({ adapter, url: context.server.urlOf(database) })
      await host.call('prepare')
      await host.call('openProducer', { connections, wake: false })
      await host.call(command, { ...options(context), ms: context.sizes.warmUpMs })
      return { host, database }
    },
    async measure({ host }, context) {
      await context.server.checkpoint()
      const cpu = context.server.watchCpu()
      const { added, jobsPerSecond, producerUs } = await host.call(command, {
        ...options(context),
        ms: context.sizes.sliceMs,
      })
      return { jobsPerSecond, producerUs, dbUs: cpu.usPer(added), foreignCores: cpu.foreignCores() }
    },
    async close({ host, database }, { server }) {
      await host.close()
      await server.drop(database)
    },
  }
}

/** @type {import('./index.mjs').Scenario} */
export const addOne = {
  name: 'add-one',
  title: 'One caller that waits for each add',
  conditions: 'slices in turn; raw: a prepared single INSERT',
  rounds: 9,
  ...adding({ command: 'addFor', connections: 1, options: () => ({ callers: 1 }) }),
  bars: (samples) => [
    atLeast('rate / raw, median of the pairs', pairedRatio(samples, 'millrace', 'raw', 'jobsPerSecond'), 0.85),
  ],
}

/** @type {import('./index.mjs').Scenario} */
export const add32 = {
  name: 'add-32',
  title: '32 callers at once',
  conditions: 'raw and rivals over 32 connections; millrace with its default pool',
  ...adding({ command: 'addFor', connections: CALLERS, options: () => ({ callers: CALLERS }) }),
  bars: (samples) => [atLeast('rate / raw', pairedRatio(samples, 'millrace', 'raw', 'jobsPerSecond'), 3)],
}

/** @type {import('./index.mjs').Scenario} */
export const bulk = {
  name: 'bulk',
  title: 'Batches of 1,000',
  conditions: 'one caller; raw: one INSERT of an array',
  ...adding({ command: 'bulkFor', connections: 1, options: ({ sizes }) => ({ size: sizes.bulkRows }) }),
  bars: (samples) => [atLeast('rate / raw', pairedRatio(samples, 'millrace', 'raw', 'jobsPerSecond'), 0.75)],
}

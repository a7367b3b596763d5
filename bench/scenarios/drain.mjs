/** Working off a backlog of jobs that do nothing. */
import { createTemplate, drain, fill } from '../lib/drains.mjs'
import { atLeast, atMost, pairedRatio } from '../lib/stats.mjs'

/** @typedef {import('./index.mjs').Participant} Participant */
/** @typedef {import('./index.mjs').Scenario} Scenario */

export const DRAIN_COLUMNS = [
  { key: 'jobsPerSecond', label: 'jobs/s', digits: 0 },
  { key: 'dbUs', label: 'db µs/job', digits: 1 },
  { key: 'workerUs', label: 'worker µs/job', digits: 1 },
  { key: 'handled', label: 'jobs', digits: 0 },
  { key: 'unaccounted', label: 'unaccounted', digits: 0 },
]

/** @type {Participant[]} */
const RAW_AND_OURS = [
  { id: 'raw', adapter: 'raw' },
  { id: 'millrace', adapter: 'millrace' },
]
/** @type {Participant[]} */
const OTHERS = [
  { id: 'raw, one trip', adapter: 'raw:one-trip' },
  { id: 'graphile:tuned', adapter: 'graphile:tuned', rival: true },
  { id: 'pgboss', adapter: 'pgboss', rival: true },
  { id: 'graphile', adapter: 'graphile', rival: true, slow: true },
  { id: 'bullmq', adapter: 'bullmq', rival: true, slow: true },
  { id: 'raw:bound', adapter: 'raw:bound', slow: true },
]
/** @type {Participant} */
const BATCH_500 = { id: 'millrace batchSize 500', adapter: 'millrace:batch-500' }
/** @type {Participant} */
const NO_HISTORY = { id: 'millrace no history', adapter: 'millrace:no-history' }

/**
 * @param {{ concurrency: number; processes: number; participants: Participant[] }} how
 * @returns {Pick<Scenario, 'participants' | 'columns' | 'ratio' | 'open' | 'measure' | 'close'>}
 */
export function draining({ concurrency, processes, participants }) {
  return {
    participants,
    columns: DRAIN_COLUMNS,
    ratio: { key: 'jobsPerSecond', label: 'rate to raw' },
    open: async ({ adapter }, context) => ({ adapter, template: await createTemplate(context, adapter) }),
    async measure({ adapter, template }, context) {
      const { server, sizes } = context
      const database = `drain_${adapter.replace(/\W/g, '_')}`
      const url = server.urlOf(database)
      await server.create(database, template)
      await fill(adapter, url, { count: sizes.drain })
      const sample = await drain(context, { adapter, url, count: sizes.drain, concurrency, processes })
      await server.drop(database)
      return sample
    },
    close: ({ template }, { server }) => server.drop(template),
  }
}

const CONDITIONS = 'jobs that do nothing, added before; a new database for each drain; history kept'

/** @param {string} id @param {{ raw: number; db: number; worker?: number }} limits @returns {Scenario['bars']} */
function bars(id, limits) {
  return (samples) => [
    atLeast(`${id}: rate / raw`, pairedRatio(samples, id, 'raw', 'jobsPerSecond'), limits.raw),
    atMost(`${id}: database CPU per job / raw`, pairedRatio(samples, id, 'raw', 'dbUs'), limits.db),
    atMost(`${id}: worker CPU per job / raw`, pairedRatio(samples, id, 'raw', 'workerUs'), limits.worker ?? 2.5),
  ]
}

/** @type {Scenario['bars']} */
function againstGraphile(samples) {
  const ratio = pairedRatio(samples, 'millrace', 'graphile:tuned', 'jobsPerSecond')
  return [atLeast('rate / graphile:tuned', ratio, 1.8)]
}

/** @type {Scenario['bars']} */
const withHistory = (samples) => [...bars('millrace', { raw: 0.7, db: 1.8 })(samples), ...againstGraphile(samples)]

/** @type {Scenario} */
export const drainC10 = {
  name: 'drain-c10',
  title: 'Drain, one process, concurrency 10',
  conditions: CONDITIONS,
  ...draining({ concurrency: 10, processes: 1, participants: [...RAW_AND_OURS, ...OTHERS, BATCH_500] }),
  bars: withHistory,
}

/** @type {Scenario} */
export const drainC100 = {
  name: 'drain-c100',
  title: 'Drain, one process, concurrency 100',
  conditions: CONDITIONS,
  ...draining({ concurrency: 100, processes: 1, participants: [...RAW_AND_OURS, ...OTHERS, BATCH_500] }),
  bars: withHistory,
}

/** @type {Scenario} */
export const drainFourProcesses = {
  name: 'drain-4p',
  title: 'Drain, four processes of concurrency 10',
  conditions: CONDITIONS,
  // Without the raw worker of one trip: in several processes its deletes and claims deadlock now and then.
  ...draining({
    concurrency: 10,
    processes: 4,
    participants: [...RAW_AND_OURS, ...OTHERS.filter(({ adapter }) => adapter !== 'raw:one-trip'), BATCH_500],
  }),
  bars: withHistory,
}

/** @type {Scenario} */
export const drainNoHistory = {
  name: 'drain-no-history',
  title: 'Drain, one process, concurrency 10, finished jobs not kept',
  conditions: 'as drain-c10, with `keepCompletedJobs: false`',
  ...draining({ concurrency: 10, processes: 1, participants: [{ id: 'raw', adapter: 'raw' }, NO_HISTORY] }),
  bars: bars(NO_HISTORY.id, { raw: 0.9, db: 1.4 }),
}

/** @type {Scenario} */
export const drainBatch500 = {
  name: 'drain-batch-500',
  title: 'Drain, one process, concurrency 10, an explicit batchSize of 500',
  conditions: 'as drain-c10; reported, no bar',
  ...draining({ concurrency: 10, processes: 1, participants: [{ id: 'raw', adapter: 'raw' }, BATCH_500] }),
  bars: () => [],
}

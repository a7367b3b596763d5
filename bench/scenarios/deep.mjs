/** Draining beside a crowd: a million pending jobs, half a million for later, a million finished ones. */
import { countUnfinished, createTemplate, drain, fill } from '../lib/drains.mjs'
import { withClient } from '../lib/databases.mjs'
import { atLeast, pairedRatio } from '../lib/stats.mjs'
import { DRAIN_COLUMNS } from './drain.mjs'

const CONCURRENCY = 10
const DAY_MS = 86_400_000

/** @typedef {import('./index.mjs').Participant} Participant */
/** @typedef {import('./index.mjs').Context} Context */

/** @param {Participant[]} rest @param {string} deep @returns {Participant[]} */
function participants(deep, rest) {
  return [
    { id: 'millrace empty', adapter: 'millrace' },
    { id: 'millrace', adapter: 'millrace', deep },
    ...rest.map((participant) => ({ ...participant, deep })),
  ]
}

const RAW = { id: 'raw', adapter: 'raw' }
const GRAPHILE = { id: 'graphile:tuned', adapter: 'graphile:tuned', rival: true }
const PGBOSS = { id: 'pgboss', adapter: 'pgboss', rival: true }

/** @param {Participant} participant @param {Context} context */
async function open({ id, adapter, deep }, context) {
  const template = await createTemplate(context, adapter)
  const database = `deep_${id.replace(/\W/g, '_')}`
  const state = { adapter, deep, template, database, url: context.server.urlOf(database) }
  if (deep === undefined) return state
  await context.server.create(database, template)
  await crowd(state, context)
  // What autovacuum would have done while a crowd of this size came together.
  await withClient(state.url, (client) => client.query('vacuum analyze'))
  return state
}

/** @param {{ adapter: string; deep: string | undefined; url: string }} place @param {Context} context */
async function crowd({ adapter, deep, url }, context) {
  const { sizes } = context
  if (deep === 'pending') await fill(adapter, url, { count: sizes.pending })
  if (deep === 'future') await fill(adapter, url, { count: sizes.future, runAtMs: Date.now() + DAY_MS })
  if (deep === 'group') await fillGroup(url, sizes.grouped)
  if (deep === 'others') await fillOthers(url, sizes.pending)
  if (deep === 'finished') {
    await fill(adapter, url, { count: sizes.finished })
    const patient = { ...context, sizes: { ...sizes, drainBoxMs: 900_000 } }
    await drain(patient, { adapter, url, count: sizes.finished, concurrency: 100, processes: 1 })
  }
}

/**
 * Jobs of one group whose only place is taken, as by a job that runs for hours.
 *
 * @param {string} url @param {number} count
 */
async function fillGroup(url, count) {
  await withClient(url, async (client) => {
    await client.query("insert into millrace.groups (group_key, active, max_active) values ('full', 1, 1)")
    for (let added = 0; added < count; added += 1000) {
      await client.query(
        `select millrace.add_jobs((select jsonb_agg(jsonb_build_object('job_type', 'noop', 'payload', n, 'group_id', 'full'))
          from generate_series(1, 1000) n))`,
      )
    }
  })
}

/** Pending jobs of a type that the worker does not claim. @param {string} url @param {number} count */
async function fillOthers(url, count) {
  await withClient(url, async (client) => {
    for (let added = 0; added < count; added += 10_000) {
      await client.query(
        `select millrace.add_jobs((select jsonb_agg(jsonb_build_object('job_type', 'other', 'payload', n)) from generate_series(1, 10000) n))`,
      )
    }
  })
}

/** @param {Awaited<ReturnType<typeof open>>} state @param {Context} context */
async function measure({ adapter, deep, template, database, url }, context) {
  const { server, sizes } = context
  if (deep === undefined) await server.create(database, template)
  const wanted = deep === 'pending' ? sizes.pending - (await countUnfinished(adapter, url)) : sizes.deepDrain
  await fill(adapter, url, { count: wanted })
  return drain(context, { adapter, url, count: sizes.deepDrain, concurrency: CONCURRENCY, processes: 1 })
}

/** @param {Awaited<ReturnType<typeof open>>} state @param {Context} context */
async function close({ template, database }, { server }) {
  await server.drop(template)
  await server.drop(database)
}

/** @param {import('../lib/stats.mjs').Samples} samples */
const bars = (samples) => [
  atLeast('rate / that in an empty database', pairedRatio(samples, 'millrace', 'millrace empty', 'jobsPerSecond'), 0.9),
]

const common = {
  columns: DRAIN_COLUMNS,
  ratio: { key: 'jobsPerSecond', label: 'rate to raw' },
  open,
  measure,
  close,
  bars,
}
const CONDITIONS = '50,000 jobs, one process, concurrency 10'

/** @type {import('./index.mjs').Scenario} */
export const backlog = {
  name: 'backlog-1m-pending',
  title: 'Drain of the oldest of 1,000,000 pending jobs',
  conditions: CONDITIONS,
  participants: participants('pending', [RAW, GRAPHILE, PGBOSS]),
  ...common,
}

/** @type {import('./index.mjs').Scenario} */
export const future = {
  name: 'future-500k',
  title: 'Drain beside 500,000 jobs that are due tomorrow',
  conditions: CONDITIONS,
  participants: participants('future', [RAW, GRAPHILE, PGBOSS]),
  ...common,
}

/** @type {import('./index.mjs').Scenario} */
export const history = {
  name: 'history-1m',
  title: 'Drain beside 1,000,000 finished jobs',
  conditions: `${CONDITIONS}; raw and graphile keep no finished jobs`,
  participants: participants('finished', [PGBOSS]),
  ...common,
}

/** @type {import('./index.mjs').Scenario} */
export const others = {
  name: 'others-1m',
  title: 'Drain of one type by a worker of that type, behind 1,000,000 older jobs of another',
  conditions: CONDITIONS,
  ...common,
  participants: [
    { id: 'millrace empty', adapter: 'millrace:one-type' },
    { id: 'millrace', adapter: 'millrace:one-type', deep: 'others' },
  ],
}

/** @type {import('./index.mjs').Scenario} */
export const group = {
  name: 'group-100k',
  title: 'Drain beside 100,000 jobs that wait for a place in one full group',
  conditions: CONDITIONS,
  participants: participants('group', []),
  ...common,
}

/** Working off a backlog with one or more worker processes, as the drain and the deep scenarios do it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { findAdapter } from '../adapters/index.mjs'
import { withClient } from './databases.mjs'
import { startHost, withHost } from './hosts.mjs'

/** @typedef {import('../scenarios/index.mjs').Context} Context */

/** A database with an adapter's schema, to copy from. @param {Context} context @param {string} adapter */
export async function createTemplate({ server }, adapter) {
  const name = `template_${adapter.replace(/\W/g, '_')}`
  await server.create(name)
  await withHost({ adapter, url: server.urlOf(name) }, (host) => host.call('prepare'))
  return name
}

/**
 * Adds jobs in batches of 1,000.
 *
 * @param {string} adapter @param {string} url @param {{ count: number; runAtMs?: number }} options
 */
export async function fill(adapter, url, options) {
  if (options.count <= 0) return
  await withHost({ adapter, url }, async (host) => {
    await host.call('openProducer', { connections: 1, wake: false })
    await host.call('fill', options)
    await host.call('closeProducer')
  })
}

/** @param {string} adapter @param {string} url @returns {Promise<number>} */
export async function countUnfinished(adapter, url) {
  const { unfinished } = await findAdapter(adapter)
  if (typeof unfinished === 'function') return unfinished(url)
  return withClient(url, async (client) => Number((await client.query(unfinished)).rows[0]?.count))
}

/**
 * Starts the workers, waits until they have handled `count` jobs or the time is up, ends them, and looks whether as
 * many jobs are gone from the database as they handled.
 *
 * The rate is over the time from the first handler to the last one, which leaves out each system's start; processor
 * time is from before the worker starts until it has ended, modules having been loaded before.
 *
 * @param {Context} context
 * @param {{ adapter: string; url: string; count: number; concurrency: number; processes: number }} what
 * @returns {Promise<import('./stats.mjs').Sample>}
 */
export async function drain({ server, sizes }, { adapter, url, count, concurrency, processes }) {
  const before = await countUnfinished(adapter, url)
  const hosts = await Promise.all(Array.from({ length: processes }, () => startHost({ adapter, url })))
  try {
    await server.checkpoint()
    const cpu = server.watchCpu()
    const done = untilHandled(hosts, count, sizes.drainBoxMs)
    const options = { concurrency, until: count, progress: processes > 1 }
    await Promise.all(hosts.map((host) => host.call('startWorker', options)))
    await done
    const ends = await Promise.all(hosts.map((host) => host.call('stopWorker')))
    const sum = (/** @type {string} */ key) => ends.reduce((total, end) => total + end[key], 0)
    const times = ends.filter((end) => end.total > 0)
    const first = Math.min(...times.map((end) => end.firstAt))
    const last = Math.max(...times.map((end) => end.lastAt))
    const [handled, total] = [sum('handled'), sum('total')]
    const sample = {
      jobsPerSecond: handled / ((last - first) / 1000),
      dbUs: cpu.usPer(total),
      workerUs: sum('cpuUs') / total,
      handled,
      foreignCores: cpu.foreignCores(),
    }
    return { ...sample, unaccounted: before - (await countUnfinished(adapter, url)) - total }
  } finally {
    await Promise.all(hosts.map((host) => host.close()))
  }
}

/** @param {import('./hosts.mjs').Host[]} hosts @param {number} count @param {number} boxMs */
async function untilHandled(hosts, count, boxMs) {
  const over = new AbortController()
  for (const host of hosts) {
    host.watch(() => {
      if (hosts.reduce((total, { handled }) => total + handled(), 0) >= count) over.abort()
    })
  }
  await sleep(boxMs, undefined, { signal: over.signal }).catch(() => {})
}

/**
 * What it costs the database that two people have the dashboard open, one its overview, one its jobs:
 *
 *     node bench/dashboard-open.mjs [--rounds 4] [--drain 100000] [--seconds 15] [--url postgres://…]
 *
 * Over the installation of dashboard.mjs, in turn without and with: a backlog worked off as fast as it goes, and jobs that come at a
 * steady pace. Processor time is of the whole server, divided by the jobs that were worked.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { initJobQueue } from 'millrace'
import { openServer, withClient } from './lib/databases.mjs'
import { startHost, withHost } from './lib/hosts.mjs'
import { fillLarge, isFilled } from './lib/large-instance.mjs'
import { describeMachine, treeCpuMs } from './lib/machine.mjs'
import { median } from './lib/stats.mjs'

const SCHEMA = 'millrace_pages'
const SIZE = { finished: 3_000_000, live: 300_000, failed: 100_000 }
const ADAPTER = 'millrace:one-type'
const PER_SECOND = 2000

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    drain: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '15' },
    url: { type: 'string' },
  },
})
const [rounds, count, seconds] = [Number(flags.rounds), Number(flags.drain), Number(flags.seconds)]

if (flags.url === undefined) {
  const server = await openServer()
  try {
    await run(server.urlOf('postgres'))
  } finally {
    await server.stop()
  }
} else await run(flags.url)
process.exit()

/** @param {string} server */
async function run(server) {
  const url = `${server}?search_path=${SCHEMA}`
  const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 1 }, listen: false })
  await queue.ready()
  await queue.close()
  if (!(await isFilled(server, SCHEMA))) await fillLarge(server, SCHEMA, SIZE)
  const pid = await withClient(server, async (client) => {
    const { rows } = await client.query("select current_setting('data_directory') as folder")
    return Number(readFileSync(join(rows[0].folder, 'postmaster.pid'), 'utf8').split('\n')[0])
  })
  console.log(JSON.stringify(describeMachine(tmpdir())))
  /** @type {Record<string, { closed: number[]; open: number[] }>} */
  const found = { drain: { closed: [], open: [] }, steady: { closed: [], open: [] } }
  for (let round = 0; round < rounds; round++) {
    for (const state of /** @type {const} */ (round % 2 === 0 ? ['closed', 'open'] : ['open', 'closed'])) {
      const viewer = state === 'open' ? await openViewer(url) : null
      found['drain']?.[state].push(await drain(url, pid))
      found['steady']?.[state].push(await steady(url, pid))
      await viewer?.close()
      const latest = Object.entries(found).map(([name, all]) => `${name} ${all[state].at(-1)?.toFixed(1)}`)
      console.log(`${state}: server µs a job: ${latest.join(', ')}`)
    }
  }
  for (const [name, { closed, open }] of Object.entries(found)) {
    const ratio = median(open.map((us, at) => us / (closed[at] ?? Number.NaN)))
    const shown = (/** @type {number[]} */ all) => all.map((us) => us.toFixed(1)).join(' ')
    console.log(
      `${name}: server µs a job closed ${shown(closed)}, open ${shown(open)}; median ${((ratio - 1) * 100).toFixed(1)} % more`,
    )
  }
}

/** @param {string} url */
async function openViewer(url) {
  const child = fork(fileURLToPath(new URL('host/viewer.mjs', import.meta.url)), [url])
  await once(child, 'message')
  return {
    async close() {
      const exit = once(child, 'exit')
      child.disconnect()
      const [code] = await exit
      if (code !== 0) throw new Error(`the dashboard pushed nothing (${code})`)
    },
  }
}

/** @param {string} url @param {number} pid @returns {Promise<number>} Microseconds of the server for each job. */
async function drain(url, pid) {
  await withHost({ adapter: ADAPTER, url }, async (host) => {
    await host.call('openProducer', { connections: 1, wake: false })
    await host.call('fill', { count })
    await host.call('closeProducer')
  })
  return worked(url, pid, async (worker) => {
    while (worker.handled() < count) await sleep(20)
  })
}

/** @param {string} url @param {number} pid */
async function steady(url, pid) {
  return worked(url, pid, async () => {
    await withHost({ adapter: ADAPTER, url }, async (host) => {
      await host.call('openProducer', { connections: 1, wake: true })
      await host.call('addSteadily', { perSecond: PER_SECOND, ms: seconds * 1000 })
      await host.call('closeProducer')
    })
    await sleep(500)
  })
}

/** @param {string} url @param {number} pid @param {(worker: import('./lib/hosts.mjs').Host) => Promise<void>} during */
async function worked(url, pid, during) {
  const worker = await startHost({ adapter: ADAPTER, url })
  try {
    await withClient(url, (client) => client.query('checkpoint'))
    const before = treeCpuMs(pid)
    await worker.call('startWorker', { concurrency: 10, progress: true })
    await during(worker)
    const { total } = await worker.call('stopWorker')
    return ((treeCpuMs(pid) - before) * 1000) / total
  } finally {
    await worker.close()
  }
}

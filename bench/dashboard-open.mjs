/**
 * What it costs the database that two people have the dashboard open, one its overview, one its jobs:
 *
 *     node bench/dashboard-open.mjs [--seconds 60] [--url postgres://…]
 *
 * Over the installation of dashboard.mjs, while nothing else is done: processor time of the whole server without and with the dashboard, as a
 * share of one core. What a job costs there is measured by main.mjs; beside a drain, the server's own upkeep is many times the difference.
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
import { fillLarge, isFilled } from './lib/large-instance.mjs'
import { describeMachine, nowMs, treeCpuMs } from './lib/machine.mjs'

const SCHEMA = 'millrace_pages'
const SIZE = { finished: 3_000_000, live: 300_000, failed: 100_000 }
/** Until what was just filled, or opened, is as it stays. */
const SETTLE_MS = 5000

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, url: { type: 'string' } },
})

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
  await sleep(SETTLE_MS)
  console.log(`closed: ${(await shareOfCore(pid)).toFixed(2)} % of a core`)
  const viewer = await openViewer(url)
  await sleep(SETTLE_MS)
  console.log(`open: ${(await shareOfCore(pid)).toFixed(2)} % of a core`)
  await viewer.close()
}

/** @param {number} pid */
async function shareOfCore(pid) {
  const [before, startedAt] = [treeCpuMs(pid), nowMs()]
  await sleep(Number(flags.seconds) * 1000)
  return ((treeCpuMs(pid) - before) / (nowMs() - startedAt)) * 100
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

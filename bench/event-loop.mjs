/**
 * How long the main thread is held up by a queue under load: with the embedded database, which runs in a thread of the same
 * process, and with PostgreSQL behind a socket. The same process adds and works the jobs; its memory is that of all its threads.
 *
 *     npm run event-loop -w bench -- [--seconds 30] [--per-second 200]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { initJobQueue } from 'millrace'
import { openServer } from './lib/databases.mjs'

const RESOLUTION_MS = 1
const WARM_UP_MS = 5_000
const CONCURRENCY = 10
const TICK_MS = 5

/** @typedef {{ config: import('millrace').JobQueueConfig | null; seconds: number; perSecond: number }} Task */

const [task] = process.argv.slice(2)
if (process.send !== undefined && task !== undefined) {
  process.send(await measure(JSON.parse(task)))
  process.disconnect()
} else await compare()

async function compare() {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, 'per-second': { type: 'string' } } })
  const load = { seconds: Number(values.seconds ?? 30), perSecond: Number(values['per-second'] ?? 200) }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-event-loop-'))
  const server = await openServer()
  try {
    console.log(`${load.perSecond} jobs/s for ${load.seconds} s, concurrency ${CONCURRENCY}; delay in ms`)
    console.log('| | jobs | p50 | p99 | p99.9 | longest | MB |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
    await report('no queue', { config: null, ...load })
    await report('embedded', { config: { backend: 'pglite', dataDir: join(folder, 'data') }, ...load })
    await report('PostgreSQL', {
      config: { databaseConfig: { connectionString: server.urlOf('postgres') } },
      ...load,
    })
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} name @param {Task} what */
async function report(name, what) {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(what)])
  const answer = once(child, 'message')
  const exit = once(child, 'exit').then(([code]) => [{ failed: code }])
  const [{ jobs, failed, delays, mb }] = await Promise.race([answer, exit])
  if (failed !== undefined) throw new Error(`${name}: its process ended with ${failed}`)
  console.log(
    `| ${name} | ${jobs} | ${delays.map((/** @type {number} */ ms) => ms.toFixed(2)).join(' | ')} | ${Math.round(mb)} |`,
  )
}

/** Runs the load in this process and reads what its event loop was late by. @param {Task} what */
async function measure({ config, seconds, perSecond }) {
  let jobs = 0
  const queue = config === null ? undefined : initJobQueue(config)
  const processor = queue?.createProcessor(
    {
      noop: async () => {
        jobs += 1
      },
    },
    { concurrency: CONCURRENCY },
  )
  await queue?.ready()
  processor?.startInBackground()
  const stop = new AbortController()
  const adding = add(queue, perSecond, stop.signal)
  await sleep(WARM_UP_MS)
  const before = jobs
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  await sleep(seconds * 1000)
  delay.disable()
  const worked = jobs - before
  const mb = process.memoryUsage().rss / 2 ** 20
  stop.abort()
  await adding
  await processor?.stopAndDrain()
  await queue?.close()
  // What is measured is the time between two timers that are `RESOLUTION_MS` apart.
  const ms = (/** @type {number} */ ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS)
  return { jobs: worked, mb, delays: [...[50, 99, 99.9].map((p) => ms(delay.percentile(p))), ms(delay.max)] }
}

/**
 * Adds at an even rate whether or not earlier calls have been answered.
 *
 * @param {import('millrace').JobQueue | undefined} queue
 * @param {number} perSecond
 * @param {AbortSignal} signal
 */
async function add(queue, perSecond, signal) {
  const startedAt = performance.now()
  /** @type {Promise<unknown>[]} */
  const calls = []
  for (let added = 0; !signal.aborted; await sleep(TICK_MS)) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond)
    for (; added < due; added += 1) {
      if (queue !== undefined) calls.push(queue.addJob({ jobType: 'noop', payload: { n: added } }))
    }
  }
  await Promise.all(calls)
}

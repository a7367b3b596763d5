/**
 * What many dependencies cost: a fan-in over 10,000 jobs, and the release of 100 to 100,000 dependents of one job, alone and beside
 * another worker whose settlements must not wait for it.
 *
 *     npm run fan -w bench -- [--most 100000] [--parts 10000]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { initJobQueue } from 'millrace'
import { openServer, withClient } from './lib/databases.mjs'
import { nowMs } from './lib/machine.mjs'
import { median } from './lib/stats.mjs'

/** What one statement releases. */
const CHUNK = 1000
const BATCH = 1000

const { values } = parseArgs({ options: { most: { type: 'string' }, parts: { type: 'string' } } })
const most = Number(values.most ?? 100_000)
const parts = Number(values.parts ?? 10_000)

const server = await openServer()
try {
  await server.create('fan')
  const url = server.urlOf('fan')
  await fanIn(url)
  console.log(
    '| dependents | released in ms | database ms a chunk | longest settlement of another worker, before / meanwhile, ms |',
  )
  console.log('| ---: | ---: | ---: | ---: |')
  for (let count = 100; count <= most; count *= 10) await fanOut(url, count)
} finally {
  await server.stop()
}

/** How long after its last prerequisite a job starts. @param {string} url */
async function fanIn(url) {
  const queue = initJobQueue({ databaseConfig: { connectionString: url } })
  const ids = await addMany(queue, parts, { jobType: 'part', payload: null })
  await queue.addJob({ jobType: 'whole', payload: null, dependsOn: { jobIds: ids } })
  let left = parts
  let lastAt = 0
  queue.on('job:completed', ({ jobType }) => {
    if (jobType === 'part' && --left === 0) lastAt = nowMs()
  })
  /** @type {(at: number) => void} */
  let started = () => undefined
  const start = new Promise((resolve) => (started = resolve))
  const handlers = { part: () => undefined, whole: () => started(nowMs()) }
  const processor = queue.createProcessor(handlers, { concurrency: 10 })
  const from = nowMs()
  processor.startInBackground()
  const at = Number(await start)
  await processor.stopAndDrain()
  await queue.close()
  // The start may be told of before the completion that led to it.
  console.log(
    `fan-in of ${parts}: drained in ${Math.round(lastAt - from)} ms, started ${(at - lastAt).toFixed(1)} ms after the last of them was recorded`,
  )
}

/** @param {string} url @param {number} count */
async function fanOut(url, count) {
  const alone = await release(url, { count, isBusy: false })
  const beside = await release(url, { count, isBusy: true })
  const chunks = Math.max(1, count / CHUNK)
  console.log(
    `| ${count} | ${Math.round(alone.ms)} | ${(alone.cpuMs / chunks).toFixed(1)} | ` +
      `${beside.before.toFixed(1)} / ${beside.meanwhile.toFixed(1)} (median ${median(beside.all).toFixed(1)}) |`,
  )
}

/** @param {string} url @param {{ count: number; isBusy: boolean }} what */
async function release(url, { count, isBusy }) {
  const queue = initJobQueue({ databaseConfig: { connectionString: url } })
  const id = await queue.addJob({ jobType: 'first', payload: null })
  await addMany(queue, count, { jobType: 'never', payload: null, dependsOn: { jobIds: [id] } })
  const other = initJobQueue({ databaseConfig: { connectionString: url } })
  /** @type {number[]} */
  const settles = []
  other.hooks.subscribe((event) => event.type === 'settle' && settles.push(event.durationMs))
  const worker = other.createProcessor({ other: () => undefined }, { jobType: 'other', concurrency: 4 })
  const stop = new AbortController()
  /** @type {Promise<void> | undefined} */
  let load
  if (isBusy) {
    worker.startInBackground()
    load = addEvenly(other, stop.signal)
    await sleep(1500)
    settles.splice(0, Math.floor(settles.length / 3))
  }
  await server.checkpoint()
  const before = settles.splice(0)
  const cpu = server.watchCpu()
  const from = nowMs()
  const processor = queue.createProcessor({ first: () => undefined }, { jobType: 'first' })
  processor.startInBackground()
  await withClient(url, async (client) => {
    const text = 'select exists (select from millrace.job_dependencies)'
    while ((await client.query(text)).rows[0].exists) await sleep(2)
  })
  const ms = nowMs() - from
  const cpuMs = cpu.usPer(1000)
  stop.abort()
  await load
  await worker.stopAndDrain()
  await processor.stopAndDrain()
  await withClient(url, async (client) => {
    await client.query('truncate millrace.jobs')
    await client.query('vacuum analyze')
  })
  await other.close()
  await queue.close()
  return { ms, cpuMs, before: Math.max(0, ...before), meanwhile: Math.max(0, ...settles), all: settles }
}

/** @param {import('millrace').JobQueue} queue @param {number} count @param {any} job */
async function addMany(queue, count, job) {
  /** @type {number[]} */
  const ids = []
  for (let left = count; left > 0; left -= BATCH) {
    ids.push(...(await queue.addJobs(Array.from({ length: Math.min(left, BATCH) }, () => job))))
  }
  return ids
}

/** @param {import('millrace').JobQueue} queue @param {AbortSignal} signal */
async function addEvenly(queue, signal) {
  while (!signal.aborted) {
    await queue.addJob({ jobType: 'other', payload: null })
    await sleep(4)
  }
}

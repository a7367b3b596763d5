/** The half of a child process that adds jobs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../lib/machine.mjs'
import { quantile } from '../lib/stats.mjs'

const FILL_BATCH = 1000
const STEADY_TICK_MS = 10
/** More statements than this on their way means that the system does not keep up; the backlog then shows it. */
const STEADY_MAX_IN_FLIGHT = 16

/** @param {{ adapter: import('../adapters/index.mjs').Adapter; url: string; sharedProducer: import('../adapters/index.mjs').Producer | undefined }} place */
export function createProducerCommands(place) {
  /** @type {import('../adapters/index.mjs').Producer | undefined} */
  let producer
  const open = () => {
    const used = producer ?? place.sharedProducer
    if (!used) throw new Error('no producer is open')
    return used
  }
  return {
    /** @param {{ connections: number; wake: boolean }} options */
    async openProducer(options) {
      producer = await place.adapter.openProducer(place.url, options)
    },
    async closeProducer() {
      await producer?.close()
      producer = undefined
    },
    /** @param {{ count: number; runAtMs?: number }} options */
    fill: (options) => fill(open(), options),
    /** @param {{ callers: number; ms: number }} options */
    addFor: (options) => addFor(open(), options),
    /** @param {{ size: number; ms: number }} options */
    bulkFor: (options) => bulkFor(open(), options),
    /** @param {{ count: number; gapMs: [number, number] }} options */
    addApart: (options) => addApart(open(), options),
    /** @param {{ perSecond: number; ms: number }} options */
    addSteadily: (options) => addSteadily(open(), options),
  }
}

/** @typedef {import('../adapters/index.mjs').Producer} Producer */

/** @param {number} n */
const payloadOf = (n) => ({ n, t: nowMs() })

/** @param {number} from @param {number} count */
function payloads(from, count) {
  const t = nowMs()
  return Array.from({ length: count }, (_, i) => ({ n: from + i, t }))
}

/** @param {Producer} producer @param {{ count: number; runAtMs?: number }} options */
async function fill(producer, { count, runAtMs }) {
  const runAt = runAtMs === undefined ? undefined : new Date(runAtMs)
  for (let added = 0; added < count; added += FILL_BATCH) {
    await producer.addMany(payloads(added, Math.min(FILL_BATCH, count - added)), runAt)
  }
}

/** Callers that each wait for their add before the next one. @param {Producer} producer @param {{ callers: number; ms: number }} options */
async function addFor(producer, { callers, ms }) {
  const start = nowMs()
  const cpu = process.cpuUsage()
  let added = 0
  const caller = async () => {
    while (nowMs() - start < ms) await producer.addOne(payloadOf(added++))
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return rate(added, start, cpu)
}

/** @param {Producer} producer @param {{ size: number; ms: number }} options */
async function bulkFor(producer, { size, ms }) {
  const start = nowMs()
  const cpu = process.cpuUsage()
  let added = 0
  while (nowMs() - start < ms) {
    await producer.addMany(payloads(added, size))
    added += size
  }
  return rate(added, start, cpu)
}

/** @param {number} added @param {number} start @param {NodeJS.CpuUsage} cpu */
function rate(added, start, cpu) {
  const { user, system } = process.cpuUsage(cpu)
  return { added, jobsPerSecond: added / ((nowMs() - start) / 1000), producerUs: (user + system) / added }
}

/** Single adds with pauses in between, for an idle queue. @param {Producer} producer @param {{ count: number; gapMs: [number, number] }} options */
async function addApart(producer, { count, gapMs: [low, high] }) {
  const times = new Float64Array(count)
  for (let n = 0; n < count; n++) {
    const start = nowMs()
    await producer.addOne(payloadOf(n))
    times[n] = nowMs() - start
    await sleep(low + Math.random() * (high - low))
  }
  return { addP50Ms: quantile(times, 0.5) }
}

/**
 * Adds at a fixed pace whatever the workers do, in one batch per tick; a tick that comes late adds what is owed.
 *
 * @param {Producer} producer @param {{ perSecond: number; ms: number }} options
 */
async function addSteadily(producer, { perSecond, ms }) {
  const start = nowMs()
  let added = 0
  let inFlight = 0
  /** @type {Error | undefined} */
  let failure
  for (let elapsed = 0; elapsed < ms && failure === undefined; elapsed = nowMs() - start) {
    const owed = Math.floor((elapsed * perSecond) / 1000) - added
    if (owed > 0 && inFlight < STEADY_MAX_IN_FLIGHT) {
      inFlight++
      producer.addMany(payloads(added, owed)).then(
        () => inFlight--,
        (error) => {
          failure = error
        },
      )
      added += owed
    }
    await sleep(STEADY_TICK_MS - ((nowMs() - start) % STEADY_TICK_MS))
  }
  while (inFlight > 0 && failure === undefined) await sleep(1)
  if (failure !== undefined) throw failure
  return { added, startedAt: start, seconds: (nowMs() - start) / 1000 }
}

/** The half of a child process that works jobs: counts them, and keeps their latencies if asked to. */
import { nowMs } from '../lib/machine.mjs'
import { quantile } from '../lib/stats.mjs'

const PROGRESS_EVERY_MS = 10

/** @param {{ adapter: import('../adapters/index.mjs').Adapter; url: string; sharedProducer: import('../adapters/index.mjs').Producer | undefined }} place */
export function createWorkerCommands(place) {
  /** @type {{ close(): Promise<void> } | undefined} */
  let worker
  let tally = createTally()
  let cpu = process.cpuUsage()
  /** @type {NodeJS.Timeout | undefined} */
  let progress
  return {
    /** @param {{ concurrency: number; produce?: boolean; until?: number; record?: boolean; progress?: boolean }} options */
    async startWorker(options) {
      tally = createTally(options.until)
      cpu = process.cpuUsage()
      if (options.progress) progress = setInterval(() => process.send?.({ handled: tally.handled }), PROGRESS_EVERY_MS)
      const handle = options.record ? tally.record : tally.count
      const opened = await place.adapter.openWorker(place.url, options, handle)
      place.sharedProducer = opened.producer
      worker = opened
    },
    /** Starts its processor-time figure anew. */
    async resetCpu() {
      cpu = process.cpuUsage()
    },
    async readCpu() {
      const { user, system } = process.cpuUsage(cpu)
      return { cpuUs: user + system }
    },
    async stopWorker() {
      clearInterval(progress)
      await worker?.close()
      worker = undefined
      const { user, system } = process.cpuUsage(cpu)
      return {
        handled: tally.handled,
        total: tally.total,
        firstAt: tally.firstAt,
        lastAt: tally.lastAt,
        cpuUs: user + system,
      }
    },
    async countHandled() {
      return tally.handled
    },
    /** @param {{ skip: number }} options */
    latencies: async ({ skip }) => summary(tally.latencies.slice(skip)),
    /**
     * Of the jobs added within a window of the shared clock.
     *
     * @param {{ windows: [number, number][] }} options
     */
    latencyWindows: async ({ windows }) =>
      windows.map(([from, to]) => summary(tally.latencies.filter((_, i) => inside(tally.addedAt[i], from, to)))),
  }
}

/** @param {number | undefined} at @param {number} from @param {number} to */
function inside(at, from, to) {
  return at !== undefined && at >= from && at < to
}

/** @param {number[]} latencies */
function summary(latencies) {
  return {
    n: latencies.length,
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
    p99Ms: quantile(latencies, 0.99),
    maxMs: quantile(latencies, 1),
  }
}

/** @param {number} [until] - Tells the parent at once when this many have been handled. */
function createTally(until = Number.POSITIVE_INFINITY) {
  const tally = {
    /** Never more than `until`; `total` goes on. */
    handled: 0,
    total: 0,
    firstAt: Number.NaN,
    lastAt: Number.NaN,
    /** @type {number[]} */
    latencies: [],
    /** @type {number[]} */
    addedAt: [],
    count: () => {
      tally.total++
      if (tally.handled >= until) return
      tally.lastAt = nowMs()
      if (tally.handled === 0) tally.firstAt = tally.lastAt
      tally.handled++
      if (tally.handled === until) process.send?.({ handled: tally.handled })
    },
    record: (/** @type {{ t: number }} */ { t }) => {
      tally.latencies.push(nowMs() - t)
      tally.addedAt.push(t)
      tally.total++
      tally.handled++
    },
  }
  return tally
}

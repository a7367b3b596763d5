/**
 * Rates of the Redis store, and of BullMQ on the same server, one after the other in turns:
 *
 *     node packages/redis/tools/bench.mjs [jobs] [rounds]
 *
 * The server is one of its own with an append-only file synced every second. Per round and system, on an empty database: adds one
 * after the other, adds of 32 callers at once, bulk adds, then the drain of all of them at concurrency 10 and 100. Prints the median of the rounds, and
 * the memory that a waiting job takes.
 */
import { Redis } from 'ioredis'
import { initJobQueue } from 'millrace'
import { startRedis } from '../../../tools/servers/redis.mjs'

const jobs = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 5)
const PAYLOAD = { to: 'somebody@example.com', template: 'welcome', locale: 'en' }

const server = await startRedis({ appendonly: 'yes', appendfsync: 'everysec' })
const admin = new Redis(server.url)
const systems = { millrace: openMillrace, ...(await bullmq()) }
/** @type {Map<string, number[]>} */
const results = new Map()
try {
  for (let round = 0; round < rounds; round++) {
    for (const [name, open] of Object.entries(systems)) await measure(name, open)
  }
  for (const [name, values] of results) {
    const median = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
    process.stdout.write(`${name.padEnd(40)} ${Math.round(median).toLocaleString('en')}\n`)
  }
} finally {
  admin.disconnect()
  await server.stop()
}

/** @param {string} name @param {number} value */
function record(name, value) {
  results.set(name, [...(results.get(name) ?? []), value])
}

/** Per second. @param {string} name @param {number} count @param {() => Promise<unknown>} run */
async function rate(name, count, run) {
  const started = performance.now()
  await run()
  record(`${name}, per second`, (count * 1000) / (performance.now() - started))
}

/** @param {string} name @param {typeof openMillrace} open */
async function measure(name, open) {
  await admin.flushall()
  const system = await open(server.url)
  const few = Math.max(1, Math.floor(jobs / 10))
  await rate(`${name}: single adds`, few, async () => {
    for (let n = 0; n < few; n++) await system.add()
  })
  await rate(`${name}: adds of 32 callers`, few, async () => {
    let left = few
    const adder = async () => {
      while (left-- > 0) await system.add()
    }
    await Promise.all(Array.from({ length: 32 }, adder))
  })
  await system.drain(100)
  for (const concurrency of [10, 100]) {
    await admin.flushall()
    const before = await usedMemory()
    await rate(`${name}: bulk adds`, jobs, () => system.addMany(jobs))
    record(`${name}: bytes of a waiting job`, ((await usedMemory()) - before) / jobs)
    await rate(`${name}: drain at ${concurrency}`, jobs, () => system.drain(concurrency))
  }
  await system.close()
}

async function usedMemory() {
  return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1])
}

/** Resolves once `count` has been called so often. @param {number} expected */
function countdown(expected) {
  let left = expected
  let done = () => {}
  const finished = new Promise((resolve) => (done = () => resolve(undefined)))
  return { finished, count: () => --left === 0 && done() }
}

/** @param {string} url */
async function openMillrace(url) {
  const queue = initJobQueue({ backend: 'redis', redisConfig: { url } })
  await queue.ready()
  let added = 0
  return {
    add: () => (added++, queue.addJob({ jobType: 'noop', payload: PAYLOAD })),
    /** @param {number} count */
    async addMany(count) {
      added += count
      for (let n = 0; n < count; n += 1000)
        await queue.addJobs(
          Array.from({ length: Math.min(1000, count - n) }, () => ({ jobType: 'noop', payload: PAYLOAD })),
        )
    },
    /** @param {number} concurrency */
    async drain(concurrency) {
      const { finished, count } = countdown(added)
      added = 0
      const processor = queue.createProcessor({ noop: async () => void count() }, { concurrency })
      processor.startInBackground()
      await finished
      await processor.stopAndDrain()
    },
    close: () => queue.close(),
  }
}

/** BullMQ as it comes, if it is installed. @returns {Promise<Record<string, typeof openMillrace>>} */
async function bullmq() {
  const name = 'bullmq'
  const loaded = await import(name).catch(() => undefined)
  if (loaded === undefined) return {}
  const { Queue, Worker } = loaded
  return {
    bullmq: async (url) => {
      const connection = { url, maxRetriesPerRequest: null }
      const queue = new Queue('noop', { connection })
      await queue.waitUntilReady()
      let added = 0
      return {
        add: () => (added++, queue.add('noop', PAYLOAD)),
        async addMany(count) {
          added += count
          for (let n = 0; n < count; n += 1000)
            await queue.addBulk(
              Array.from({ length: Math.min(1000, count - n) }, () => ({ name: 'noop', data: PAYLOAD })),
            )
        },
        async drain(concurrency) {
          const { finished, count } = countdown(added)
          added = 0
          const worker = new Worker('noop', async () => void count(), { connection, concurrency })
          await finished
          await worker.close()
        },
        close: () => queue.close(),
      }
    },
  }
}

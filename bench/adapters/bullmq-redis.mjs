/** BullMQ on Redis, as it comes. */
import { Queue, Worker } from 'bullmq'
import { producerOf } from './bullmq.mjs'

const QUEUE = 'noop'

/** @returns {import('./index.mjs').Adapter} */
export function createAdapter() {
  const open = async (/** @type {string} */ url) => {
    const queue = new Queue(QUEUE, { connection: { url } })
    await queue.waitUntilReady()
    return queue
  }
  return {
    async prepare(url) {
      const queue = await open(url)
      await queue.close()
    },
    async openProducer(url) {
      const queue = await open(url)
      return { ...producerOf(queue), close: () => queue.close() }
    },
    async openWorker(url, { concurrency, produce }, handle) {
      const worker = new Worker(QUEUE, async ({ data }) => handle(data), {
        connection: { url, maxRetriesPerRequest: null },
        concurrency,
      })
      const queue = produce ? await open(url) : undefined
      await worker.waitUntilReady()
      return {
        ...(queue && { producer: { ...producerOf(queue), close: async () => {} } }),
        async close() {
          await worker.close()
          await queue?.close()
        },
      }
    },
    async unfinished(url) {
      const queue = await open(url)
      const count = await queue.getJobCountByTypes('wait', 'active', 'delayed', 'paused', 'prioritized')
      await queue.close()
      return count
    },
  }
}

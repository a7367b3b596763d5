/** This project on Redis, as it comes: nothing is set but the concurrency. */
import { initJobQueue } from 'millrace'

/** @returns {import('./index.mjs').Adapter} */
export function createAdapter() {
  const open = (/** @type {string} */ url) => initJobQueue({ backend: 'redis', redisConfig: { url } })
  return {
    async prepare(url) {
      const queue = open(url)
      await queue.ready()
      await queue.close()
    },
    async openProducer(url) {
      const queue = open(url)
      await queue.ready()
      return { ...producerOf(queue), close: () => queue.close() }
    },
    async openWorker(url, { concurrency }, handle) {
      const queue = open(url)
      const processor = queue.createProcessor(
        { noop: async (/** @type {any} */ payload) => handle(payload) },
        { concurrency },
      )
      processor.startInBackground()
      return {
        producer: { ...producerOf(queue), close: async () => {} },
        async close() {
          await processor.stopAndDrain()
          await queue.close()
        },
      }
    },
    async unfinished(url) {
      const queue = open(url)
      const { byStatus } = await queue.getStats()
      await queue.close()
      return byStatus.pending + byStatus.processing + byStatus.waiting
    },
  }
}

/** @param {import('millrace').JobQueue} queue */
function producerOf(queue) {
  return {
    addOne: (/** @type {import('./index.mjs').Payload} */ payload) => queue.addJob({ jobType: 'noop', payload }),
    addMany: (/** @type {import('./index.mjs').Payload[]} */ payloads, /** @type {Date | undefined} */ runAt) =>
      queue.addJobs(payloads.map((payload) => ({ jobType: 'noop', payload, runAt }))),
  }
}

/**
 * This project, as it comes: nothing is set but the concurrency.
 *
 * Variants: `no-history` (finished jobs are not kept), `batch-500` (an explicit batch size), `one-type` (claims no other type).
 */
import { initJobQueue } from 'millrace'

/** @type {Record<string, { queue?: object; processor?: object }>} */
const VARIANTS = {
  '': {},
  'no-history': { queue: { keepCompletedJobs: false } },
  'batch-500': { processor: { batchSize: 500 } },
  'one-type': { processor: { jobType: 'noop' } },
}

/** @param {string} variant @returns {import('./index.mjs').Adapter} */
export function createAdapter(variant) {
  const settings = VARIANTS[variant]
  if (!settings) throw new Error(`no variant ${variant}`)
  const open = (/** @type {string} */ url) =>
    initJobQueue({ databaseConfig: { connectionString: url }, ...settings.queue })
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
        { concurrency, ...settings.processor },
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
    unfinished: 'select count(*) from millrace.jobs',
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

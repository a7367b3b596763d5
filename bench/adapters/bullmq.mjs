/** BullMQ on its PostgreSQL backend. */
import { Queue, Worker, createPostgresBackend } from 'bullmq'

const QUEUE = 'noop'

/** @returns {import('./index.mjs').Adapter} */
export function createAdapter() {
  return {
    async prepare(url) {
      const queue = new Queue(QUEUE, { connection: { connectionString: url, migrate: true } }, createPostgresBackend)
      await queue.waitUntilReady()
      await queue.close()
    },
    async openProducer(url, { connections }) {
      const queue = new Queue(QUEUE, { connection: { connectionString: url, max: connections } }, createPostgresBackend)
      await queue.waitUntilReady()
      return { ...producerOf(queue), close: () => queue.close() }
    },
    async openWorker(url, { concurrency, produce }, handle) {
      const connection = { connectionString: url }
      const worker = new Worker(
        QUEUE,
        async ({ data }) => handle(data),
        { connection, concurrency },
        createPostgresBackend,
      )
      const queue = produce ? new Queue(QUEUE, { connection }, createPostgresBackend) : undefined
      await Promise.all([worker.waitUntilReady(), queue?.waitUntilReady()])
      return {
        ...(queue && { producer: { ...producerOf(queue), close: async () => {} } }),
        async close() {
          await worker.close()
          await queue?.close()
        },
      }
    },
    unfinished: `select count(*) from bullmq.job where finished_at_ms is null`,
  }
}

/** @param {Pick<Queue, 'add' | 'addBulk'>} queue */
export function producerOf(queue) {
  return {
    addOne: (/** @type {import('./index.mjs').Payload} */ payload) => queue.add('noop', payload),
    addMany: (/** @type {import('./index.mjs').Payload[]} */ payloads, /** @type {Date | undefined} */ runAt) => {
      const opts = runAt && { delay: runAt.getTime() - Date.now() }
      return queue.addBulk(payloads.map((data) => ({ name: 'noop', data, ...(opts && { opts }) })))
    },
  }
}

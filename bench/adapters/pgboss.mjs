/**
 * pg-boss with what makes it fast: batches, continuous fetching while batches come back full, and a queue that notifies
 * its workers.
 */
import { PgBoss } from 'pg-boss'

const QUEUE = 'noop'
const BATCH = 1000

/** @returns {import('./index.mjs').Adapter} */
export function createAdapter() {
  return {
    async prepare(url) {
      const boss = await start(url, { max: 2 })
      await boss.createQueue(QUEUE, { notify: true })
      await boss.stop()
    },
    async openProducer(url, { connections }) {
      const boss = await start(url, { max: connections, supervise: false, schedule: false })
      return { ...producerOf(boss), close: () => boss.stop({ graceful: false }) }
    },
    async openWorker(url, _options, handle) {
      const boss = await start(url, { useListenNotify: true })
      // A batch is one call of the handler, so all its jobs run at once whatever the concurrency.
      await boss.work(
        QUEUE,
        { batchSize: BATCH, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
        async (jobs) => {
          for (const { data } of jobs) handle(/** @type {any} */ (data))
        },
      )
      return { producer: { ...producerOf(boss), close: async () => {} }, close: () => boss.stop() }
    },
    unfinished: `select count(*) from pgboss.job where state < 'completed'`,
  }
}

/** @param {string} connectionString @param {import('pg-boss').ConstructorOptions} options */
async function start(connectionString, options) {
  const boss = new PgBoss({ connectionString, ...options })
  boss.on('error', (error) => console.error(`pg-boss: ${error.message}`))
  await boss.start()
  return boss
}

/** @param {PgBoss} boss */
function producerOf(boss) {
  return {
    addOne: (/** @type {import('./index.mjs').Payload} */ payload) => boss.send(QUEUE, payload),
    addMany: (/** @type {import('./index.mjs').Payload[]} */ payloads, /** @type {Date | undefined} */ runAt) =>
      boss.insert(
        QUEUE,
        payloads.map((data) => ({ data, ...(runAt && { startAfter: runAt }) })),
      ),
  }
}

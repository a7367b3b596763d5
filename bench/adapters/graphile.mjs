/**
 * graphile-worker. Its default takes and finishes jobs one by one; the variant `tuned` sets what its documentation on
 * performance recommends: a local queue, and completions in batches.
 */
import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker'

const LOCAL_QUEUE = 500

/** @param {string} variant @returns {import('./index.mjs').Adapter} */
export function createAdapter(variant) {
  const tuning =
    variant === 'tuned' ? { localQueue: { size: LOCAL_QUEUE }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}
  const logger = new Logger(() => () => {})
  return {
    prepare: (url) => runMigrations({ connectionString: url, logger }),
    async openProducer(url, { connections }) {
      const utils = await makeWorkerUtils({ connectionString: url, logger, maxPoolSize: connections })
      return { ...producerOf(utils), close: async () => utils.release() }
    },
    async openWorker(url, { concurrency, produce }, handle) {
      const runner = await run({
        preset: { worker: { connectionString: url, concurrentJobs: concurrency, ...tuning } },
        taskList: { noop: async (payload) => handle(/** @type {any} */ (payload)) },
        noHandleSignals: true,
        logger,
      })
      const utils = produce ? await makeWorkerUtils({ connectionString: url, logger, maxPoolSize: 10 }) : undefined
      return {
        ...(utils && { producer: { ...producerOf(utils), close: async () => {} } }),
        async close() {
          await runner.stop()
          await utils?.release()
        },
      }
    },
    unfinished: 'select count(*) from graphile_worker._private_jobs',
  }
}

/** @param {import('graphile-worker').WorkerUtils} utils */
function producerOf(utils) {
  return {
    addOne: (/** @type {import('./index.mjs').Payload} */ payload) => utils.addJob('noop', payload),
    addMany: (/** @type {import('./index.mjs').Payload[]} */ payloads, /** @type {Date | undefined} */ runAt) =>
      utils.addJobs(payloads.map((payload) => ({ identifier: 'noop', payload, ...(runAt && { runAt }) }))),
  }
}

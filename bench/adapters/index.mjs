/**
 * The systems that are compared, all in one shape. A name is a file's name, with an optional variant behind a colon
 * that the adapter knows (`graphile:tuned`).
 *
 * @typedef {object} Payload
 * @property {number} n
 * @property {number} t - When it was added, by the shared clock.
 *
 * @typedef {object} Producer
 * @property {(payload: Payload) => Promise<unknown>} addOne
 * @property {(payloads: Payload[], runAt?: Date) => Promise<unknown>} addMany
 * @property {() => Promise<void>} close
 *
 * @typedef {object} ProducerOptions
 * @property {number} connections - For systems whose adds need a connection each.
 * @property {boolean} wake - Whether adds must wake idle workers (only where a system makes that a choice).
 *
 * @typedef {object} WorkerOptions
 * @property {number} concurrency
 * @property {boolean} [produce] - Also open a producer in this process.
 *
 * @typedef {object} Worker
 * @property {() => Promise<void>} close - Ends it after what it has begun has been settled.
 * @property {Producer} [producer] - Over the worker's own connections where it can.
 *
 * @typedef {object} Adapter
 * @property {(url: string) => Promise<void>} prepare - Makes the schema in an empty database.
 * @property {(url: string, options: ProducerOptions) => Promise<Producer>} openProducer
 * @property {(url: string, options: WorkerOptions, handle: (payload: Payload) => void) => Promise<Worker>} openWorker
 * @property {string | ((url: string) => Promise<number>)} unfinished - Counts the jobs that are not finished: in SQL, or itself.
 */

/** @type {Record<string, () => Promise<{ createAdapter: (variant: string) => Adapter }>>} */
const ADAPTERS = {
  raw: () => import('./raw.mjs'),
  millrace: () => import('./millrace.mjs'),
  graphile: () => import('./graphile.mjs'),
  pgboss: () => import('./pgboss.mjs'),
  bullmq: () => import('./bullmq.mjs'),
  'millrace-redis': () => import('./millrace-redis.mjs'),
  'bullmq-redis': () => import('./bullmq-redis.mjs'),
}

/**
 * @param {string} name
 * @returns {Promise<Adapter>}
 */
export async function findAdapter(name) {
  const [file = '', variant = ''] = name.split(':')
  const load = ADAPTERS[file]
  if (!load) throw new Error(`no adapter ${name}; there are ${Object.keys(ADAPTERS).join(', ')}`)
  const { createAdapter } = await load()
  return createAdapter(variant)
}

/** A child process of the benchmark: adds or works jobs through one adapter, as it is told over IPC. */
import { findAdapter } from '../adapters/index.mjs'
import { createProducerCommands } from './producer.mjs'
import { createWorkerCommands } from './worker.mjs'

/** @type {import('../adapters/index.mjs').Adapter | undefined} */
let adapter
let url = ''

/** What both halves share: the loaded adapter, and the producer that a worker brings along. */
const place = {
  get adapter() {
    if (!adapter) throw new Error('nothing is loaded')
    return adapter
  },
  get url() {
    return url
  },
  /** @type {import('../adapters/index.mjs').Producer | undefined} */
  sharedProducer: undefined,
}

/** @type {Record<string, (options: any) => Promise<unknown>>} */
const commands = {
  async load(options) {
    url = options.url
    adapter = await findAdapter(options.adapter)
  },
  async prepare() {
    await place.adapter.prepare(url)
  },
  ...createProducerCommands(place),
  ...createWorkerCommands(place),
}

process.on('message', (/** @type {any} */ { id, command, options }) => {
  const run = commands[command]
  const answer = run ? run(options) : Promise.reject(new Error(`no command ${command}`))
  answer.then(
    (value) => process.send?.({ id, value }),
    (error) => process.send?.({ id, error: error?.stack ?? String(error) }),
  )
})
process.on('disconnect', () => process.exit())

/** A child process of the benchmark: a dashboard that somebody has open, asking for what its pages ask for. */
import { createDashboard } from '@millrace/dashboard'
import { initJobQueue } from 'millrace'

const METRICS_EVERY_MS = 15_000
/** One looks at the overview, another at the jobs. */
const WATCHED = [
  ['/overview', '/pauses'],
  ['/jobs?limit=50', '/pauses'],
]

const [url = ''] = process.argv.slice(2)
const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 4 } })
await queue.ready()
const dashboard = createDashboard(queue, { basePath: '' })
let pushed = 0
/** @type {ReadableStreamDefaultReader<Uint8Array>[]} */
const readers = []

/** @param {string} path */
const ask = (path) => dashboard(new Request(`http://localhost/api${path}`), { remoteAddress: '127.0.0.1' })

/** @param {readonly string[]} paths */
async function watch(paths) {
  const query = new URLSearchParams(paths.map((path) => ['path', path]))
  const { body } = await ask(`/events?${query}`)
  const reader = /** @type {ReadableStream<Uint8Array>} */ (body).getReader()
  readers.push(reader)
  while (!(await reader.read()).done) pushed += 1
}

const watching = WATCHED.map((paths) => watch(paths))
const metrics = () => void ask('/metrics?minutes=60').then((response) => response.text())
metrics()
const timer = setInterval(metrics, METRICS_EVERY_MS)
process.send?.('open')
process.on('disconnect', () => void close())

async function close() {
  clearInterval(timer)
  await Promise.all(readers.map((reader) => reader.cancel()))
  await Promise.all(watching)
  await queue.close()
  process.exit(pushed > 0 ? 0 : 1)
}

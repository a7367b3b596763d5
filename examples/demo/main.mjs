/**
 * The demonstration: indexes a folder tree as durable jobs.
 *
 *     npm run demo -- [PATH] [--data DIR] [--per-language N] [--pace MS] [--database URL]
 *
 * Stop it with Ctrl-C, or kill it with `kill -9`, and start it again: it goes on where it was. Start it in a second
 * terminal as well: both work on the same run.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { serveDashboard } from '@millrace/dashboard'
import { initJobQueue } from 'millrace'
import { beginRun, watchRun } from './run.mjs'
import { createHandlers } from './jobs.mjs'
import { colour, endProgress, say } from './terminal.mjs'

const USAGE = `usage: npm run demo -- [PATH] [options]

  PATH               the folder to index; default: this repository
  --data DIR         where database and reports go; default: .millrace/demo in this repository
  --per-language N   at most N files of one language at once; default: 2
  --pace MS          what a file takes at least; default: so long that there is something to watch; 0: full speed
  --database URL     use this PostgreSQL server instead of the embedded database`

const CONCURRENCY = 8
/** Short, so that what a killed process held is taken back while one watches. */
const LEASE_MS = 4000
/** Ctrl-C: files being read have so long to finish; what is left is handed back. */
const DRAIN_MS = 1000

const repository = resolve(import.meta.dirname, '../..')

/** @returns {{ root: string; dataDir: string; perLanguage: number; paceMs: number | null; database: string | undefined }} */
function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      'per-language': { type: 'string', default: '2' },
      pace: { type: 'string' },
      database: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    say(USAGE)
    process.exit(0)
  }
  const perLanguage = Number(values['per-language'])
  const paceMs = values.pace === undefined ? null : Number(values.pace)
  if (!(Number.isInteger(perLanguage) && perLanguage >= 1)) throw new TypeError('--per-language takes a number from 1')
  if (paceMs !== null && !(paceMs >= 0)) throw new TypeError('--pace takes milliseconds')
  const root = resolve(positionals[0] ?? repository)
  if (positionals.length > 1 || !statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    throw new TypeError(`${positionals.join(' ')} is not a folder`)
  }
  const dataDir = resolve(values.data ?? join(repository, '.millrace/demo'))
  mkdirSync(dataDir, { recursive: true })
  return { root: realpathSync(root), dataDir: realpathSync(dataDir), perLanguage, paceMs, database: values.database }
}

/** Each folder that is indexed has an instance of its own: unfinished runs do not meet. @param {string} root */
function schemaOf(root) {
  return `demo_${createHash('sha256').update(root).digest('hex').slice(0, 8)}`
}

/** @param {ReturnType<typeof readArguments>} options @returns {import('./jobs.mjs').Queue} */
function createQueue({ root, dataDir, database }) {
  const common = { schema: schemaOf(root), leaseMs: LEASE_MS }
  if (database !== undefined) return initJobQueue({ ...common, databaseConfig: { connectionString: database } })
  return initJobQueue({ ...common, backend: 'pglite', dataDir: join(dataDir, 'database') })
}

/** @param {string} path */
function brief(path) {
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') ? path : fromHere
}

/** @param {ReturnType<typeof readArguments>} options */
async function main(options) {
  const startedAt = performance.now()
  const queue = createQueue(options)
  queue.on('error', (error) => say(colour('yellow', `! ${error.message}`)))
  const stop = new AbortController()
  const stopPolitely = () => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  }
  process.on('SIGINT', stopPolitely).on('SIGTERM', stopPolitely)

  say(`Opening the database: ${options.database === undefined ? brief(join(options.dataDir, 'database')) : 'a server'}`)
  await queue.ready()
  say(`Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
  const dashboard = await serveDashboard(queue)
  say(`Dashboard, for as long as this runs: ${dashboard.url}`)

  const run = await beginRun(queue, options)
  /** @type {import('./jobs.mjs').Activity} */
  const activity = { running: new Map(), paths: new Map() }
  const processor = queue.createProcessor(createHandlers(queue, activity), {
    concurrency: CONCURRENCY,
    groupConcurrency: options.perLanguage,
    prefetch: 0,
    pollInterval: 1000,
    onError: () => undefined,
  })
  if (!stop.signal.aborted) processor.startInBackground()
  const isFinished = await watchRun(queue, { run, activity, signal: stop.signal })
  const drainingAt = performance.now()
  await Promise.all([queue.close({ drainMs: DRAIN_MS }), dashboard.close()])
  endProgress()
  if (isFinished) return
  say(`Stopped in ${Math.round(performance.now() - drainingAt)} ms. Start it again: it goes on from here.`)
}

try {
  await main(readArguments())
} catch (error) {
  endProgress()
  const isUsage = error instanceof TypeError
  console.error(isUsage ? `demo: ${error.message}\n\n${USAGE}` : error)
  process.exit(1)
}

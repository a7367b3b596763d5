/**
 * What every page of the dashboard costs over a large installation:
 *
 *     node bench/dashboard.mjs [--finished 3000000] [--live 300000] [--failed 100000] [--rounds 40]
 *     node bench/dashboard.mjs --url postgres://… [--fill]
 *
 * It starts a PostgreSQL 18 of its own with default, durable settings, fills it with statements over whole sets, and asks the handler
 * for the data of each page, one request at a time. The figures are milliseconds of the request as a whole, JSON included. With `--url`
 * it takes a database that is there, so that one filling (`--fill`, nothing else) serves several measurements.
 */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { createDashboard } from '@millrace/dashboard'
import { initJobQueue } from 'millrace'
import { openServer } from './lib/databases.mjs'
import { fillLarge, isFilled, reportMinutes } from './lib/large-instance.mjs'
import { describeMachine } from './lib/machine.mjs'

const LIMIT_MS = 150
const SCHEMA = 'millrace_pages'

const { values: flags } = parseArgs({
  options: {
    finished: { type: 'string', default: '3000000' },
    live: { type: 'string', default: '300000' },
    failed: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '40' },
    url: { type: 'string' },
    fill: { type: 'boolean', default: false },
  },
})
const [finished, live, failed, rounds] = [flags.finished, flags.live, flags.failed, flags.rounds].map(Number)

if (flags.url === undefined) {
  const server = await openServer()
  try {
    await run(server.urlOf('postgres'))
  } finally {
    await server.stop()
  }
} else await run(flags.url)

/** @param {string} url */
async function run(url) {
  const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 4 }, schema: SCHEMA, listen: false })
  await queue.ready()
  if (!(await isFilled(url, SCHEMA))) {
    const startedAt = Date.now()
    await fillLarge(url, SCHEMA, { finished, live, failed })
    const tookS = Math.round((Date.now() - startedAt) / 1000)
    console.log(`filled in ${tookS} s: ${finished} finished, ${failed} failed, ${live} live jobs`)
  }
  if (!flags.fill) {
    await measure(queue)
    show('a minute of a worker of 40 types', await reportMinutes(url, SCHEMA, rounds))
  }
  await queue.close()
}

/** @param {import('millrace').JobQueue} queue */
async function measure(queue) {
  const blocked = finished + failed + 98
  const [newest = 0] = await queue.getJobIds({ jobType: 'type-7' }, 1)
  const { groups } = await queue.getFailureGroups()
  const pages = {
    overview: ['/overview'],
    'overview: an hour by the minute': ['/metrics?minutes=60'],
    'overview: six hours': ['/metrics?minutes=360'],
    'overview: a day': ['/metrics?minutes=1440'],
    'overview: three days': ['/metrics?minutes=4320'],
    'every page: who, what is paused': ['/meta', '/pauses'],
    jobs: ['/jobs?limit=50'],
    'jobs by status': ['pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled'].map(
      (status) => `/jobs?limit=50&status=${status}`,
    ),
    'jobs by type': ['/jobs?limit=50&jobType=type-7', '/jobs?limit=50&jobType=type-7&status=completed'],
    'jobs by a type that there is not': ['/jobs?limit=50&jobType=none'],
    'jobs by tag': ['/jobs?limit=50&tag=tag-7'],
    'jobs by group': ['/jobs?limit=50&groupId=customer-77'],
    'jobs of a tenant': ['/jobs?limit=50&tenantId=tenant-7'],
    'jobs of a priority that there is not': ['/jobs?limit=50&priority=99'],
    'jobs of a group, a type and a time': [
      '/jobs?limit=50&groupId=customer-77&jobType=type-7&createdAfter=2020-01-01T00:00:00Z',
    ],
    'jobs that ended, of a tag and a type': ['/jobs?limit=50&tag=tag-7&jobType=type-8&status=completed'],
    'jobs, going on with a search': [`/jobs?limit=50&jobType=none&cursor=${finished / 2}`],
    'jobs, page 200': [`/jobs?limit=50&cursor=${newest - 10_000}`],
    job: [`/jobs/${newest}`, `/jobs/${newest}/events`, `/jobs/${newest}/steps`, `/jobs/${newest}/relations`],
    'job: its log': [`/jobs/${finished + failed + live}/logs`],
    explain: [`/jobs/${newest}/explain`, `/jobs/${finished + failed + 80}/explain`],
    workflow: [`/jobs/${blocked}/graph`],
    errors: ['/errors'],
    error: [`/errors/${groups[0]?.fingerprint}`],
    'dead letters': ['/jobs?limit=50&status=failed&final=true'],
    'queues and groups': ['/lanes'],
    schedules: ['/schedules'],
    workers: ['/workers'],
    types: ['/types'],
    audit: ['/audit', '/audit?cursor=100000'],
    health: ['/vitals'],
    Prometheus: ['/prometheus'],
  }
  console.log(
    `${JSON.stringify(describeMachine(tmpdir()))}\n\n${'page'.padEnd(36)}${'p50 ms'.padStart(10)}${'p95 ms'.padStart(10)}`,
  )
  let slow = 0
  for (const [name, paths] of Object.entries(pages)) {
    const times = []
    for (let round = 0; round < rounds; round++) for (const path of paths) times.push(await ask(queue, path))
    if (show(name, times) > LIMIT_MS) slow += 1
  }
  if (slow > 0) process.exitCode = 1
}

/** @param {string} name @param {number[]} times @returns {number} The 95th percentile. */
function show(name, times) {
  const at = (/** @type {number} */ share) =>
    times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? 0
  const isSlow = at(0.95) > LIMIT_MS
  console.log(
    `${name.padEnd(36)}${at(0.5).toFixed(1).padStart(10)}${at(0.95).toFixed(1).padStart(10)}${isSlow ? '  slow' : ''}`,
  )
  return at(0.95)
}

/**
 * A handler of its own each time: one that is kept shares what it has just read.
 *
 * @param {import('millrace').JobQueue} queue @param {string} path
 */
async function ask(queue, path) {
  const dashboard = createDashboard(queue, { basePath: '' })
  const startedAt = performance.now()
  const response = await dashboard(new Request(`http://localhost/api${path}`), { remoteAddress: '127.0.0.1' })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`)
  return performance.now() - startedAt
}

/**
 * What every page of the dashboard costs over a large installation:
 *
 *     node bench/dashboard.mjs [--finished 3000000] [--live 300000] [--failed 100000] [--rounds 40]
 *
 * It starts a PostgreSQL 18 of its own with default, durable settings, fills it with statements over whole sets, and asks the handler
 * for the data of each page, one request at a time. The figures are milliseconds of the request as a whole, JSON included.
 */
import { parseArgs } from 'node:util'
import { createDashboard } from '@millrace/dashboard'
import { initJobQueue } from 'millrace'
import pg from 'pg'
import { openServer } from './lib/databases.mjs'
import { describeMachine } from './lib/machine.mjs'

const LIMIT_MS = 150
const SCHEMA = 'millrace_pages'

const { values: flags } = parseArgs({
  options: {
    finished: { type: 'string', default: '3000000' },
    live: { type: 'string', default: '300000' },
    failed: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '40' },
  },
})
const [finished, live, failed, rounds] = [flags.finished, flags.live, flags.failed, flags.rounds].map(Number)

const server = await openServer()
try {
  const queue = initJobQueue({
    databaseConfig: { connectionString: server.urlOf('postgres'), max: 4 },
    schema: SCHEMA,
    listen: false,
  })
  await queue.ready()
  await fill()
  await measure(queue)
  await queue.close()
} finally {
  await server.stop()
}

async function fill() {
  const client = new pg.Client(server.urlOf('postgres'))
  await client.connect()
  const startedAt = Date.now()
  const columns =
    'id, ready_seq, created_at, run_at, priority, attempts, max_attempts, crashes, unmet, log_dropped, lane, rich, force_kill, job_type, payload'
  const row = (/** @type {string} */ lane, /** @type {string} */ created) =>
    `n, n, ${created}, ${created}, n % 3, 1, 3, 0, 0, 0, '${lane}', false, false, 'type-' || n % 40, ` +
    `jsonb_build_object('user', n, 'note', repeat('x', 100))`
  const run = (/** @type {string} */ sql, /** @type {unknown[]} */ values = []) =>
    client.query(sql.replaceAll(':schema', SCHEMA), values)
  await run(
    `insert into :schema.finished_jobs (${columns}, claimed_at, started_at, finished_at, tags, output)
     select ${row('x', "now() - interval '1 day' * (1 - n / $1::float8)")}, now(), now(), now() - interval '1 day' * (1 - n / $1::float8),
       array['tag-' || n % 1000], '{"ok": true}' from generate_series(1, $1::integer) n`,
    [finished],
  )
  await run(
    `insert into :schema.failed_jobs (${columns}, status, finished_at, last_failed_at, tenant_id, failure_reason, log)
     select ${row('x', "now() - interval '1 hour' * (1 - (n - $1) / $2::float8)")}, case when n % 10 = 0 then 'c' else 'f' end,
       now() - interval '1 hour' * (1 - (n - $1) / $2::float8), now(), 'tenant-' || n % 50, 'handler_error',
       jsonb_build_array(jsonb_build_object('kind', 'attempt', 'attempt', 1, 'outcome', 'failed', 'error', jsonb_build_object(
         'name', 'TypeError', 'message', 'cause ' || n % 60 || 'x: connect ECONNREFUSED 10.0.0.' || n % 250, 'timestamp', now(),
         'stack', 'TypeError: x' || repeat(E'\\n    at send (/app/src/mail.ts:10:5)', 12))))
     from generate_series($1::integer + 1, $1::integer + $2::integer) n`,
    [finished, failed],
  )
  const at = finished + failed
  await run(
    `insert into :schema.jobs (${columns}, due_at, group_key, tenant_id, next_attempt_at, last_failed_at, depends_on_job_ids)
     select n, n, now(), now(), n % 3, 1, 3, 0, 0, 0,
       (case when m < 55 then 'r' when m < 75 then 't' when m < 97 then 'g' else 'd' end)::"char", false, false, 'type-' || n % 40,
       jsonb_build_object('user', n, 'note', repeat('x', 100)),
       case when m between 55 and 74 then now() + interval '1 second' * (n % 86400) end,
       case when m >= 75 and m < 97 then 'customer-' || n % 5000 end, case when m % 10 = 9 then 'tenant-' || n % 50 end,
       case when m between 55 and 59 then now() + interval '1 second' * (n % 86400) end, case when m between 55 and 59 then now() end,
       case when m >= 97 then array[n - 1, n - 2, n - 3]::bigint[] end
     from (select n, n % 100 as m from generate_series($1::integer + 1, $1::integer + $2::integer) n) o`,
    [at, live],
  )
  await run(
    `insert into :schema.job_dependencies (on_job_id, job_id, watch)
     select unnest(j.depends_on_job_ids), j.id, false from :schema.jobs j where j.lane = 'd'`,
  )
  await run(
    `insert into :schema.groups (group_key, active) select distinct j.group_key, 0 from :schema.jobs j where j.group_key is not null`,
  )
  await run("select setval(':schema.job_ids', $1)", [at + live])
  for (const table of ['jobs', 'finished_jobs', 'failed_jobs', 'groups', 'job_dependencies'])
    await run(`vacuum analyze :schema.${table}`)
  await client.end()
  console.log(
    `filled in ${Math.round((Date.now() - startedAt) / 1000)} s: ${finished} finished, ${failed} failed, ${live} live jobs`,
  )
}

/** @param {import('millrace').JobQueue} queue */
async function measure(queue) {
  const blocked = finished + failed + 98
  const [newest = 0] = await queue.getJobIds({ jobType: 'type-7' }, 1)
  const { groups } = await queue.getFailureGroups()
  const pages = {
    overview: ['/overview'],
    jobs: ['/jobs?limit=50'],
    'jobs by status': ['pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled'].map(
      (status) => `/jobs?limit=50&status=${status}`,
    ),
    'jobs by type': ['/jobs?limit=50&jobType=type-7', '/jobs?limit=50&jobType=type-7&status=completed'],
    'jobs by a type that there is not': ['/jobs?limit=50&jobType=none'],
    'jobs by tag': ['/jobs?limit=50&tag=tag-7'],
    'jobs by group': ['/jobs?limit=50&groupId=customer-77'],
    'jobs of a tenant': ['/jobs?limit=50&tenantId=tenant-7'],
    'jobs, page 200': [`/jobs?limit=50&cursor=${newest - 10_000}`],
    job: [`/jobs/${newest}`, `/jobs/${newest}/events`, `/jobs/${newest}/steps`, `/jobs/${newest}/relations`],
    explain: [`/jobs/${newest}/explain`, `/jobs/${finished + failed + 80}/explain`],
    workflow: [`/jobs/${blocked}/graph`],
    errors: ['/errors'],
    error: [`/errors/${groups[0]?.fingerprint}`],
    'dead letters': ['/jobs?limit=50&status=failed&final=true'],
    'queues and groups': ['/lanes'],
    schedules: ['/schedules'],
    workers: ['/workers'],
    health: ['/vitals'],
  }
  console.log(
    `${JSON.stringify(describeMachine(server.dataDir))}\n\n${'page'.padEnd(36)}${'p50 ms'.padStart(10)}${'p95 ms'.padStart(10)}`,
  )
  let slow = 0
  for (const [name, paths] of Object.entries(pages)) {
    const times = []
    for (let round = 0; round < rounds; round++) for (const path of paths) times.push(await ask(queue, path))
    const at = (/** @type {number} */ share) =>
      times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? 0
    if (at(0.95) > LIMIT_MS) slow += 1
    console.log(
      `${name.padEnd(36)}${at(0.5).toFixed(1).padStart(10)}${at(0.95).toFixed(1).padStart(10)}${at(0.95) > LIMIT_MS ? '  slow' : ''}`,
    )
  }
  if (slow > 0) process.exitCode = 1
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

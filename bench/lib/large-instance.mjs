/** A large installation, made by statements over whole sets: what the dashboard's pages are measured over. */
import pg from 'pg'

/** @typedef {{ finished: number; live: number; failed: number }} Size */

const COLUMNS =
  'id, ready_seq, created_at, run_at, priority, attempts, max_attempts, crashes, unmet, log_dropped, lane, rich, force_kill, job_type, payload'
/** Types, tenants, tags, groups: few enough that each has many jobs, as it is where somebody asks for one. */
const TYPES = 40

/** @param {string} lane @param {string} created */
const row = (lane, created) =>
  `n, n, ${created}, ${created}, n % 3, 1, 3, 0, 0, 0, '${lane}', false, false, 'type-' || n % ${TYPES}, ` +
  `jsonb_build_object('user', n, 'note', repeat('x', 100))`

/** @param {pg.Client} client @param {string} schema */
function runner(client, schema) {
  return (/** @type {string} */ sql, /** @type {unknown[]} */ values = []) =>
    client.query(sql.replaceAll(':schema', schema), values)
}

/**
 * Whether a schema holds an instance that was filled before.
 *
 * @param {string} url @param {string} schema
 */
export async function isFilled(url, schema) {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query('select to_regclass($1) as found', [`${schema}.filled`])
    return rows[0]?.found !== null
  } finally {
    await client.end()
  }
}

/**
 * Fills the schema of an instance that is there and empty.
 *
 * @param {string} url @param {string} schema @param {Size} size
 */
export async function fillLarge(url, schema, size) {
  const client = new pg.Client(url)
  await client.connect()
  const run = runner(client, schema)
  await fillEnded(run, size)
  await fillLive(run, size)
  await fillRecords(run, size)
  await run("select setval(':schema.job_ids', $1)", [size.finished + size.failed + size.live])
  for (const table of ['jobs', 'finished_jobs', 'failed_jobs', 'groups', 'job_dependencies', 'metrics', 'audit'])
    await run(`vacuum analyze :schema.${table}`)
  await run('create table :schema.filled ()')
  await client.end()
}

/**
 * Reports what a worker of all types tells once a minute, as often as asked.
 *
 * @param {string} url @param {string} schema @param {number} times
 * @returns {Promise<number[]>} Milliseconds of each.
 */
export async function reportMinutes(url, schema, times) {
  const client = new pg.Client(url)
  await client.connect()
  const counts = Array.from({ length: 26 }, (_, n) => (n < 12 ? 0 : n * 3))
  const all = counts.reduce((sum, one) => sum + one, 0)
  const entries = Array.from({ length: TYPES }, (_, n) => [3e4, `type-${n}`, null, all, 0, 0, 9e4, counts, 3e4, counts])
  const took = []
  for (let time = 0; time < times; time++) {
    const startedAt = performance.now()
    await client.query(`select ${schema}.record_metrics($1::jsonb)`, [JSON.stringify(entries)])
    took.push(performance.now() - startedAt)
  }
  await client.end()
  return took
}

/** @typedef {ReturnType<typeof runner>} Run */

/** @param {Run} run @param {Size} size */
async function fillEnded(run, { finished, failed }) {
  await run(
    `insert into :schema.finished_jobs (${COLUMNS}, claimed_at, started_at, finished_at, tags, output)
     select ${row('x', "now() - interval '1 day' * (1 - n / $1::float8)")}, now(), now(), now() - interval '1 day' * (1 - n / $1::float8),
       array['tag-' || n % 1000], '{"ok": true}' from generate_series(1, $1::integer) n`,
    [finished],
  )
  await run(
    `insert into :schema.failed_jobs (${COLUMNS}, status, finished_at, last_failed_at, tenant_id, failure_reason, log)
     select ${row('x', "now() - interval '1 hour' * (1 - (n - $1) / $2::float8)")}, case when n % 10 = 0 then 'c' else 'f' end,
       now() - interval '1 hour' * (1 - (n - $1) / $2::float8), now(), 'tenant-' || n % 50, 'handler_error',
       jsonb_build_array(jsonb_build_object('kind', 'attempt', 'attempt', 1, 'outcome', 'failed', 'error', jsonb_build_object(
         'name', 'TypeError', 'message', 'cause ' || n % 60 || 'x: connect ECONNREFUSED 10.0.0.' || n % 250, 'timestamp', now(),
         'stack', 'TypeError: x' || repeat(E'\\n    at send (/app/src/mail.ts:10:5)', 12))))
     from generate_series($1::integer + 1, $1::integer + $2::integer) n`,
    [finished, failed],
  )
}

/** @param {Run} run @param {Size} size */
async function fillLive(run, { finished, failed, live }) {
  await run(
    `insert into :schema.jobs (${COLUMNS}, due_at, group_key, tenant_id, next_attempt_at, last_failed_at, depends_on_job_ids)
     select n, n, now(), now(), n % 3, 1, 3, 0, 0, 0,
       (case when m < 55 then 'r' when m < 75 then 't' when m < 97 then 'g' else 'd' end)::"char", false, false, 'type-' || n % ${TYPES},
       jsonb_build_object('user', n, 'note', repeat('x', 100)),
       case when m between 55 and 74 then now() + interval '1 second' * (n % 86400) end,
       case when m >= 75 and m < 97 then 'customer-' || n % 5000 end, case when m % 10 = 9 then 'tenant-' || n % 50 end,
       case when m between 55 and 59 then now() + interval '1 second' * (n % 86400) end, case when m between 55 and 59 then now() end,
       case when m >= 97 then array[n - 1, n - 2, n - 3]::bigint[] end
     from (select n, n % 100 as m from generate_series($1::integer + 1, $1::integer + $2::integer) n) o`,
    [finished + failed, live],
  )
  await run(
    `insert into :schema.job_dependencies (on_job_id, job_id, watch)
     select unnest(j.depends_on_job_ids), j.id, false from :schema.jobs j where j.lane = 'd'`,
  )
  await run(
    `insert into :schema.groups (group_key, active) select distinct j.group_key, 0 from :schema.jobs j where j.group_key is not null`,
  )
}

/**
 * Three days of numbers by the minute of every type, what people did, what one job said.
 *
 * @param {Run} run @param {Size} size
 */
async function fillRecords(run, { finished, failed, live }) {
  const counts = `array(select case when b < 12 then 0 else (b * 7 + n * 3 + m) % 60 end from generate_series(1, 26) b)::bigint[]`
  for (const [table, time, minutes] of [
    ['metrics', "date_trunc('minute', now()) - interval '1 minute' * m", 4320],
    ['metric_totals', 'now()', 1],
  ]) {
    const at = table === 'metrics' ? 'minute, job_type, queue' : 'changed_at, job_type, queue'
    await run(
      `insert into :schema.${table} (${at}, completed, retried, failed, run_ms, run_buckets, wait_ms, wait_buckets)
       select ${time}, 'type-' || n, '', 400, 3, 1, 90000, ${counts}, 30000, ${counts}
       from generate_series(0, ${TYPES - 1}) n, generate_series(1, ${minutes}) m`,
    )
  }
  await run(
    `insert into :schema.audit (at, actor, action, target, outcome, result)
     select now() - interval '1 second' * (200000 - n), 'user-' || n % 20, 'cancelJob', json_build_object('id', n), 'd', '{"changed": 1}'
     from generate_series(1, 200000) n`,
  )
  await run(
    `insert into :schema.job_logs (job_id, at, attempt, bytes, level, message)
     select $1::bigint, now(), 1, 60, 'i', repeat('words ', 10) || n from generate_series(1, 1000) n`,
    [finished + failed + live],
  )
}

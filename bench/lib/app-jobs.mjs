/** `@pgpm/database-jobs` and its compatibility schema here: the same calls, in a database each of the same server. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { initJobQueue } from 'millrace'
import { withClient } from './databases.mjs'

const TENANT = '5b720132-17d5-424d-9bcb-ee7b17c13d43'

/** @typedef {'database-jobs' | 'app_jobs'} Kind */

/** The package's own script; the role that runs it stands for `administrator`. */
function packageScript() {
  const folder = dirname(createRequire(import.meta.url).resolve('@pgpm/database-jobs/package.json'))
  const script = readFileSync(join(folder, 'sql/pgpm-database-jobs--0.15.3.sql'), 'utf8')
  return script.replace(/^\\echo.*$/m, '').replaceAll('administrator', 'current_user')
}

/** Makes schema `app_jobs` in an empty database. @param {Kind} kind @param {string} url */
export async function prepare(kind, url) {
  if (kind === 'app_jobs') {
    const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 1 }, with: ['app_jobs'] })
    await queue.migrate()
    await queue.close()
    return
  }
  await withClient(url, async (client) => {
    await client.query('create extension pgcrypto with schema public')
    await client.query(packageScript())
  })
}

/**
 * Adds jobs, all of one queue if it is named.
 *
 * @param {Kind} kind
 * @param {string} url
 * @param {number} count
 * @param {string | null} queue
 */
export async function fill(kind, url, count, queue = null) {
  const text =
    kind === 'app_jobs'
      ? `select millrace.add_jobs((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('job_type', 'noop', 'payload', '{}'::json,
          'tenant_id', $3::text, 'max_attempts', 25, 'queue', $2::text))) from generate_series(1, $1::integer)))`
      : `insert into app_jobs.jobs (database_id, task_identifier, queue_name)
          select $3::uuid, 'noop', $2::text from generate_series(1, $1::integer)`
  await withClient(url, async (client) => {
    for (let left = count; left > 0; left -= 1000) await client.query(text, [Math.min(left, 1000), queue, TENANT])
    // What autovacuum would have done meanwhile.
    await client.query('vacuum analyze')
  })
}

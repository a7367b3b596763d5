import type { DependencyCounts, JobDependency } from '../model/dependencies.ts'
import type { DependencyStore } from '../store/dependencies.ts'
import { JOB_TABLES, statusSql } from './filter.ts'
import type { Row } from './executor.ts'
import { integer, jobStatus, json, text, textOrNull } from './rows.ts'
import type { Database } from './schema.ts'

/** The job, wherever it is, and one row for each of its prerequisites; one without any has a single row without an id. */
const PREREQUISITES = `
  (select j.depends_on_job_ids as ids, j.depends_on_names as names from :schema.jobs j where j.id = $1::bigint
    union all select j.depends_on_job_ids, null from :schema.finished_jobs j where j.id = $1::bigint
    union all select j.depends_on_job_ids, j.depends_on_names from :schema.failed_jobs j where j.id = $1::bigint limit 1) o
  left join lateral unnest(o.ids, o.names) with ordinality p(id, name, n) on p.id is not null
  left join lateral (${JOB_TABLES.map(
    (table) =>
      `select ${statusSql(table)} as status, j.job_type, j.output, j.log, ` +
      `${table === 'failed_jobs'} as is_final from :schema.${table} j where j.id = p.id`,
  ).join(' union all ')} limit 1) s on true`

// What is not stored any more was completed: nothing else is ever cleaned up, and a job cannot be added after one that never was.
const LIST = `
  select p.id, p.name, s.job_type, coalesce(s.status, 'k'), s.output::text,
    case when s.status in ('f', 'c') then s.log -> -1 -> 'error' ->> 'message' end
  from ${PREREQUISITES} order by p.n`

const COUNT = `
  select count(p.id), count(p.id) filter (where coalesce(s.status, 'k') = 'k'), count(p.id) filter (where s.status = 'f' and s.is_final),
    count(p.id) filter (where s.status = 'c'), bool_or(true)
  from ${PREREQUISITES}`

export function dependencyVerbs(db: Database): DependencyStore {
  return {
    async listDependencies({ id }) {
      const rows = await db.read(LIST, [id])
      return rows.length === 0 ? null : rows.filter((row) => row[0] !== null).map(dependency)
    },
    async countDependencies({ id }) {
      const [row] = await db.read(COUNT, [id])
      return row === undefined || row[4] === null ? null : counts(row)
    },
  }
}

function dependency(row: Row): JobDependency {
  return {
    id: integer(row[0]),
    name: textOrNull(row[1]),
    jobType: textOrNull(row[2]),
    status: jobStatus(text(row[3])),
    output: row[4] === null ? null : json(row[4]),
    error: textOrNull(row[5]),
  }
}

function counts(row: Row): DependencyCounts {
  const [total, completed, failed, cancelled] = row.slice(0, 4).map(integer)
  const ended = { completed: completed ?? 0, failed: failed ?? 0, cancelled: cancelled ?? 0 }
  const all = total ?? 0
  return { total: all, ...ended, unfinished: all - ended.completed - ended.failed - ended.cancelled }
}

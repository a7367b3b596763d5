import type { DependencyCounts, JobDependency } from '../model/dependencies.ts'
import type { DependencyStore } from '../store/dependencies.ts'
import type { DatabaseClient } from '../store/enqueue.ts'
import { JOB_TABLES, statusSql } from './filter.ts'
import type { Row } from './executor.ts'
import { integer, jobStatus, json, text, textOrNull } from './rows.ts'
import type { Database } from './schema.ts'
import { valueThrough } from './steps.ts'

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
  select json_agg(json_build_array(p.id, p.name, s.job_type, coalesce(s.status, 'k'), s.output,
    case when s.status in ('f', 'c') then s.log -> -1 -> 'error' ->> 'message' end) order by p.n)::text as answer
  from ${PREREQUISITES}`

const COUNT = `
  select case when count(*) > 0 then json_build_array(count(p.id), count(p.id) filter (where coalesce(s.status, 'k') = 'k'),
    count(p.id) filter (where s.status = 'f' and s.is_final), count(p.id) filter (where s.status = 'c'))::text end as answer
  from ${PREREQUISITES}`

export function dependencyVerbs(db: Database): DependencyStore {
  const read = async (
    template: string,
    id: number,
    client: DatabaseClient | undefined,
  ): Promise<readonly unknown[] | null> => {
    const answer =
      client === undefined ? (await db.read(template, [id]))[0]?.[0] : await valueThrough(db, client, template, [id])
    const parts: unknown = json(answer ?? 'null')
    return Array.isArray(parts) ? parts : null
  }
  return {
    async listDependencies({ id, db: client }) {
      const rows = await read(LIST, id, client)
      return rows?.filter((row): row is Row => Array.isArray(row) && row[0] !== null).map(dependency) ?? null
    },
    async countDependencies({ id, db: client }) {
      const row = await read(COUNT, id, client)
      return row === null ? null : counts(row)
    },
  }
}

function dependency(row: Row): JobDependency {
  return {
    id: integer(row[0]),
    name: textOrNull(row[1]),
    jobType: textOrNull(row[2]),
    status: jobStatus(text(row[3])),
    output: row[4] ?? null,
    error: textOrNull(row[5]),
  }
}

function counts(row: Row): DependencyCounts {
  const [total, completed, failed, cancelled] = row.slice(0, 4).map(integer)
  const ended = { completed: completed ?? 0, failed: failed ?? 0, cancelled: cancelled ?? 0 }
  const all = total ?? 0
  return { total: all, ...ended, unfinished: all - ended.completed - ended.failed - ended.cancelled }
}

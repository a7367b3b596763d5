import type { JobStatus } from '../model/job.ts'
import { JOB_STATUSES } from '../model/job.ts'
import { jobEvents, type JobTrail } from '../model/trail.ts'
import type { InspectStore, ListOptions, QueueStats, SearchOptions, WorkerRecord } from '../store/inspect.ts'
import type { Row } from './executor.ts'
import { jobFacts } from './explain.ts'
import { filterCondition, JOB_TABLES, type JobTable, Parameters, statusSql } from './filter.ts'
import {
  date,
  dateOrNull,
  integer,
  integerOrNull,
  jobRecord,
  json,
  RECORD_COLUMNS,
  strings,
  text,
  timeColumn,
} from './rows.ts'
import type { Database } from './schema.ts'

export function inspectVerbs(db: Database): InspectStore {
  return {
    async getJob({ id }) {
      const sql = JOB_TABLES.map(
        (table) => `(select ${recordColumns(table)} from :schema.${table} j where j.id = $1::bigint)`,
      ).join(' union all ')
      const rows = await db.read(`${sql} limit 1`, [id])
      return rows[0] ? jobRecord(rows[0]) : null
    },
    async listJobs(options) {
      const parameters = new Parameters()
      const sql = listSql(options, parameters)
      return sql === null ? [] : (await db.read(sql, parameters.values)).map(jobRecord)
    },
    async searchJobs(options) {
      const from = await searchedFrom(db, options)
      const parameters = new Parameters()
      const sql = listSql({ ...options, offset: 0 }, parameters, from ?? 0)
      const jobs = sql === null ? [] : (await db.read(sql, parameters.values)).map(jobRecord)
      return { jobs, searchedTo: jobs.length >= options.limit ? null : from }
    },
    async listEvents({ id }) {
      const sql = JOB_TABLES.map(
        (table) => `select ${trailColumns(table)} from :schema.${table} j where j.id = $1::bigint`,
      ).join(' union all ')
      const rows = await db.read(sql, [id])
      return rows[0] ? jobEvents(trail(rows[0])) : []
    },
    async listWorkers() {
      return (await db.read(WORKERS)).map(workerRecord)
    },
    async stats() {
      return queueStats(await db.read(STATS))
    },
    async facts({ id }) {
      return jobFacts(json((await db.value('select :schema.explain_job($1::bigint)::text', [id])) ?? 'null'))
    },
    async checkInvariants() {
      const rows = await db.read('select * from :schema.check_invariants()', [], { timeoutMs: 120_000 })
      return rows.map((row) => ({ invariant: text(row[0]), detail: text(row[1]) }))
    },
  }
}

function recordColumns(table: JobTable): string {
  const isLive = table === 'jobs'
  return RECORD_COLUMNS.replace('%STATUS%', statusSql(table))
    .replace('%NEXT%', isLive ? "case when j.lane <> 'x' then j.next_attempt_at end" : 'null::timestamptz')
    .replace('%PENDING%', isLive ? PENDING_REASON : 'j.pending_reason')
    .replace('%STEPS%', table === 'finished_jobs' ? 'null::text' : STEPS)
}

/** Of a blocked job what it waits for, as it is now; written down it would have to be kept true. */
const PENDING_REASON = `
  case when j.lane <> 'd' then j.pending_reason else concat_ws('; ',
    case when j.unmet > 1 or j.depends_on_tags is null
      then 'waiting for ' || j.unmet - case when j.depends_on_tags is null then 0 else 1 end || ' of the jobs it depends on' end,
    case when j.depends_on_tags is not null then 'waiting for jobs tagged ' || array_to_string(j.depends_on_tags, ', ') end) end`

/** What `stepData` takes; of a job without steps `null`, for the price of one look at an index. */
const STEPS =
  '(select jsonb_agg(jsonb_build_array(s.key, s.kind, s.status, s.rich, s.timed_out, s.awaited, s.result) order by s.seq)::text ' +
  'from :schema.job_steps s where s.job_id = j.id)'

/**
 * Each table answers its own newest rows by its id index, so a page costs the same whatever the others hold. Ids and
 * ages agree, so id order is age order.
 */
function listSql(options: ListOptions, parameters: Parameters, from: number = 0): string | null {
  const offset = options.cursor === undefined ? (options.offset ?? 0) : 0
  const below = options.cursor === undefined ? '' : ` and j.id < ${parameters.add(options.cursor, 'bigint')}`
  const cursor = from === 0 ? below : `${below} and j.id >= ${parameters.add(from, 'bigint')}`
  const most = parameters.add(options.limit + offset, 'bigint')
  const parts = JOB_TABLES.flatMap((table) => {
    const condition = filterCondition(table, options, parameters)
    if (condition === null) return []
    return [
      `(select ${recordColumns(table)} from :schema.${table} j where ${condition}${cursor} order by j.id desc limit ${most})`,
    ]
  })
  if (parts.length === 0) return null
  return (
    `select * from (${parts.join(' union all ')}) u order by u.id desc ` +
    `limit ${parameters.add(options.limit, 'bigint')} offset ${parameters.add(offset, 'bigint')}`
  )
}

/**
 * The lowest id that a search looks at: the one after which `lookAt` jobs of a table have been passed, in whichever comes to that first.
 * `null`: none does. The parts of a list go down the same ids, so that what lies below is left for the next call in all of them.
 */
async function searchedFrom(db: Database, options: SearchOptions): Promise<number | null> {
  if (!isScanned(options)) return null
  const parameters = new Parameters()
  const passed = parameters.add(options.lookAt, 'bigint')
  const below = options.cursor === undefined ? '' : `where j.id < ${parameters.add(options.cursor, 'bigint')}`
  const ends = JOB_TABLES.filter((table) => filterCondition(table, options, new Parameters()) !== null).map(
    (table) => `(select j.id from :schema.${table} j ${below} order by j.id desc limit 1 offset ${passed} - 1)`,
  )
  if (ends.length === 0) return null
  return integerOrNull(await db.value(`select greatest(${ends.join(', ')})`, parameters.values))
}

/** Whether nothing but reading one job after the other finds those that match: the others have an index, or are most of all jobs. */
function isScanned(options: ListOptions): boolean {
  const { jobType, priority, runAt, createdAt, groupId, tenantId, ids, status, tags } = options
  if (ids !== undefined || status === 'processing') return false
  if (tags !== undefined) return tags.mode === 'none' || tags.values.length === 0
  return [jobType, priority, runAt, createdAt, groupId, tenantId].some((condition) => condition !== undefined)
}

function trailColumns(table: JobTable): string {
  return (
    `j.id, j.job_type, ${timeColumn('j.created_at')}, j.attempts, ${timeColumn('j.claimed_at')}, j.locked_by, ` +
    `${timeColumn('j.finished_at')}, j.log_dropped, j.log::text, ` +
    `${statusSql(table)} as status, to_jsonb(j.tags)::text as tags, j.idempotency_key, j.dead_letter_job_id`
  )
}

function trail(row: Row): JobTrail {
  const [id, jobType, createdAt, attempts, claimedAt, lockedBy, finishedAt, dropped, log, status, tags, key, letterId] =
    row
  const entries = log === null ? [] : json(log)
  return {
    jobId: integer(id),
    jobType: text(jobType),
    createdAt: date(createdAt),
    attempt: integer(attempts),
    claimedAt: dateOrNull(claimedAt),
    workerId: lockedBy === null ? null : text(lockedBy),
    finishedAt: dateOrNull(finishedAt),
    dropped: integer(dropped),
    entries: Array.isArray(entries) ? entries : [],
    current: status === 'x' ? 'running' : status === 'k' ? 'completed' : 'none',
    tags: strings(tags) ?? undefined,
    idempotencyKey: key === null ? undefined : text(key),
    deadLetterJobId: integerOrNull(letterId) ?? undefined,
  }
}

const WORKERS =
  'select w.worker_id, w.host, w.pid, w.version, w.concurrency, w.group_concurrency, to_jsonb(w.job_types)::text, ' +
  `${timeColumn('w.started_at')}, ${timeColumn('w.last_seen_at')}, ${timeColumn('w.expires_at')}, ` +
  'coalesce(cardinality(:schema.leased_jobs(w.id)), 0) ' +
  'from :schema.workers w order by w.id'

function workerRecord(row: Row): WorkerRecord {
  const types = row[6] === null ? null : json(row[6])
  return {
    workerId: text(row[0]),
    host: text(row[1]),
    pid: integer(row[2]),
    version: text(row[3]),
    concurrency: integer(row[4]),
    groupConcurrency: integerOrNull(row[5]),
    jobTypes: Array.isArray(types) ? types.map(text) : null,
    startedAt: date(row[7]),
    lastSeenAt: date(row[8]),
    expiresAt: date(row[9]),
    running: integer(row[10]),
  }
}

const STATS = `
  select 'status:' || s.status, s.count from (
    select ${statusSql('jobs')} as status, count(*) as count from :schema.jobs j group by 1
    union all select 'k', count(*) from :schema.finished_jobs
    union all select j.status::text, count(*) from :schema.failed_jobs j group by 1) s
  union all select 'lane:' || j.lane::text, count(*) from :schema.jobs j group by j.lane
  union all select 'oldest', (extract(epoch from clock_timestamp() - min(j.run_at)) * 1000)::bigint
    from :schema.jobs j where j.lane = 'r' having min(j.run_at) is not null
  union all select 'workers', count(*) from :schema.workers w where w.expires_at > clock_timestamp()`

const LETTERS: Readonly<Record<JobStatus, string>> = {
  pending: 'p',
  processing: 'x',
  completed: 'k',
  failed: 'f',
  cancelled: 'c',
  waiting: 'w',
}

function queueStats(rows: readonly Row[]): QueueStats {
  const counts = new Map<string, number>()
  // A failed job may wait for its next attempt in one table or rest in another: both count as failed.
  for (const [name, count] of rows) counts.set(text(name), (counts.get(text(name)) ?? 0) + integer(count))
  const of = (name: string): number => counts.get(name) ?? 0
  const byStatus: Record<JobStatus, number> = {
    pending: 0,
    processing: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    waiting: 0,
  }
  for (const status of JOB_STATUSES) byStatus[status] = of(`status:${LETTERS[status]}`)
  return {
    byStatus,
    ready: of('lane:r'),
    timed: of('lane:t'),
    groupWaiting: of('lane:g'),
    blocked: of('lane:d'),
    paused: of('lane:p'),
    oldestReadyMs: counts.has('oldest') ? Math.max(0, of('oldest')) : null,
    workers: of('workers'),
  }
}

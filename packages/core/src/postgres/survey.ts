import type { FailureRecord } from '../model/failure.ts'
import type { Figure, Figures } from '../model/figures.ts'
import { isJobError } from '../model/job.ts'
import type { LaneRecord } from '../model/lane-record.ts'
import type { StoreVitals, TableVitals } from '../model/vitals.ts'
import type { SurveyStore } from '../store/survey.ts'
import type { Row } from './executor.ts'
import { filterCondition, JOB_TABLES, Parameters } from './filter.ts'
import {
  date,
  dateOrNull,
  failureReasonOrNull,
  integer,
  integerOrNull,
  integers,
  json,
  text,
  textOrNull,
  timeColumn,
} from './rows.ts'
import type { Database } from './schema.ts'

/** Up to how many jobs are counted. */
const COUNTED = 10_000
const COUNTED_WAITING = 1000
/** A handler's own frames come first; the rest of a stack is read with the job. */
const STACK_READ = 2000
const MOST_EDGES = 20_000

export function surveyVerbs(db: Database): SurveyStore {
  return {
    async listJobIds(options) {
      const parameters = new Parameters()
      const offset = options.cursor === undefined ? (options.offset ?? 0) : 0
      const cursor = options.cursor === undefined ? '' : ` and j.id < ${parameters.add(options.cursor, 'bigint')}`
      const most = parameters.add(options.limit + offset, 'bigint')
      const parts = JOB_TABLES.flatMap((table) => {
        const condition = filterCondition(table, options, parameters)
        return condition === null
          ? []
          : [`(select j.id from :schema.${table} j where ${condition}${cursor} order by j.id desc limit ${most})`]
      })
      if (parts.length === 0) return []
      const page = `limit ${parameters.add(options.limit, 'bigint')} offset ${parameters.add(offset, 'bigint')}`
      const sql = `select u.id from (${parts.join(' union all ')}) u order by u.id desc ${page}`
      return (await db.read(sql, parameters.values)).map(([id]) => integer(id))
    },
    async listFailures({ limit, jobType, tenantId }) {
      const rows = await db.read(FAILURES, [limit, jobType ?? null, tenantId ?? null])
      return rows.map(failureRecord).toSorted(byTime).slice(0, limit)
    },
    async listLanes({ limit, tenantId }) {
      const answer = json(
        await db.value('select :schema.list_lanes($1::integer, $2::text)::text', [limit, tenantId ?? null]),
      )
      return Array.isArray(answer) ? answer.map(laneRecord).toSorted(byWaiting) : []
    },
    async listEdges({ id, window, most }) {
      const rows = await db.read(EDGES, [id - window, id + window, most, MOST_EDGES])
      const edges = rows.flatMap(([job, before]) => integers(before).map((one) => [integer(job), one] as const))
      return {
        edges: edges.slice(0, MOST_EDGES),
        isCut: edges.length > MOST_EDGES || rows.some(([, , isCut]) => isCut === true),
      }
    },
    async figures() {
      return figures(json(await db.value('select :schema.figures($1::integer)::text', [COUNTED])))
    },
    async vitals() {
      const from = Date.now()
      const answer = object(json(await db.value('select :schema.vitals()::text')))
      const here = (from + Date.now()) / 2
      return storeVitals(answer, db.executor.kind, here)
    },
  }
}

const LAST_ERROR =
  "(select (e.value -> 'error') || case when e.value -> 'error' ? 'stack' " +
  `then jsonb_build_object('stack', left(e.value -> 'error' ->> 'stack', ${STACK_READ})) else '{}' end ` +
  "from jsonb_array_elements(j.log) with ordinality e(value, n) where e.value -> 'error' is not null order by e.n desc limit 1)::text"

/** Both parts from the end of an index: dead letters by when they failed, the others among those whose time comes next. */
const FAILURES = `
  select u.* from (
    (select j.id, j.job_type, j.tenant_id, ${timeColumn('j.finished_at')} as failed_at, true, j.attempts, j.failure_reason, ${LAST_ERROR}
      from :schema.failed_jobs j where j.status = 'f'
        and ($2::text is null or j.job_type = $2::text) and ($3::text is null or j.tenant_id = $3::text)
      order by j.finished_at desc, j.id desc limit $1::integer)
    union all
    (select j.id, j.job_type, j.tenant_id, ${timeColumn('coalesce(j.last_failed_at, j.changed_at, j.created_at)')}, false, j.attempts,
        j.failure_reason, ${LAST_ERROR}
      from (select o.* from :schema.jobs o where o.lane = 't' order by o.due_at limit $1::integer) j
      where j.next_attempt_at is not null
        and ($2::text is null or j.job_type = $2::text) and ($3::text is null or j.tenant_id = $3::text))
  ) u`

const EDGES = `
  select o.id, o.before, o.is_cut from (
    ${JOB_TABLES.map(
      (table) =>
        `select j.id, j.depends_on_job_ids[1:$3::integer] as before, cardinality(j.depends_on_job_ids) > $3::integer as is_cut ` +
        `from :schema.${table} j where j.id between $1::bigint and $2::bigint and j.depends_on_job_ids is not null`,
    ).join(' union all ')}
    union all
    select d.job_id, array[d.on_job_id], false from :schema.job_dependencies d
      where d.on_job_id between $1::bigint and $2::bigint and not d.watch) o
  order by o.id limit $4::integer`

function failureRecord([id, jobType, tenantId, failedAt, isFinal, attempts, reason, error]: Row): FailureRecord {
  const last = error === null ? null : json(error)
  return {
    id: integer(id),
    jobType: text(jobType),
    tenantId: textOrNull(tenantId),
    failedAt: date(failedAt),
    isFinal: isFinal === true,
    attempts: integer(attempts),
    reason: failureReasonOrNull(reason),
    error: isJobError(last) ? last : null,
  }
}

function byTime(one: FailureRecord, other: FailureRecord): number {
  return other.failedAt.getTime() - one.failedAt.getTime() || other.id - one.id
}

function laneRecord(given: unknown): LaneRecord {
  const lane = object(given)
  const waiting = integer(lane['waiting'])
  return {
    kind: lane['isQueue'] === true ? 'queue' : 'group',
    name: text(lane['name']),
    tenantId: textOrNull(lane['tenant']),
    limit: integerOrNull(lane['limit']),
    active: integer(lane['active']),
    running: integer(lane['running']),
    holders: integers(lane['holders']),
    waiting: Math.min(waiting, COUNTED_WAITING),
    isWaitingBounded: waiting > COUNTED_WAITING,
    nextId: integerOrNull(lane['next']),
  }
}

function byWaiting(one: LaneRecord, other: LaneRecord): number {
  return other.waiting - one.waiting || other.active - one.active || one.name.localeCompare(other.name)
}

function figures(given: unknown): Figures {
  const answer = object(given)
  const [lanes, ended] = [object(answer['lanes']), object(answer['ended'])]
  const of = (...found: unknown[]): Figure => {
    const pairs = found.filter((pair) => Array.isArray(pair))
    return {
      count: pairs.reduce<number>((sum, [count]) => sum + integer(count), 0),
      isEstimate: pairs.some(([, isEstimate]) => isEstimate === true),
    }
  }
  return {
    pending: of(lanes['r'], lanes['t'], lanes['g'], lanes['d'], lanes['p']),
    processing: of(lanes['x']),
    waiting: of(lanes['w']),
    completed: of(ended['k']),
    failed: of(ended['f'], lanes['a']),
    cancelled: of(ended['c']),
    ready: of(lanes['r']),
    timed: of(lanes['t'], lanes['a']),
    groupWaiting: of(lanes['g']),
    blocked: of(lanes['d']),
    paused: of(lanes['p']),
    retrying: of(lanes['a']),
    oldestReadyMs: answer['oldestReadyMs'] === null ? null : Math.max(0, integer(answer['oldestReadyMs'])),
    workers: integer(answer['workers']),
  }
}

function storeVitals(answer: Readonly<Record<string, unknown>>, kind: StoreVitals['kind'], here: number): StoreVitals {
  const oldest = answer['oldest'] === null ? null : object(answer['oldest'])
  const tables = Array.isArray(answer['tables']) ? answer['tables'] : []
  return {
    kind,
    version: text(answer['version']),
    bytes: integer(answer['bytes']),
    maxBytes: null,
    tables: tables.map(tableVitals),
    // Embedded it has one session, and lists none.
    connections:
      kind === 'pglite' ? null : { used: integer(answer['connections']), max: integerOrNull(answer['maxConnections']) },
    oldestTransaction:
      oldest === null
        ? null
        : {
            ageMs: Math.max(0, integer(oldest['ageMs'])),
            state: text(oldest['state']),
            application: text(oldest['application']),
          },
    xminAge: integerOrNull(answer['xminAge']),
    clockSkewMs: Math.round(date(answer['now']).getTime() - here),
  }
}

function tableVitals(given: unknown): TableVitals {
  const table = object(given)
  return {
    name: text(table['name']),
    bytes: integer(table['bytes']),
    indexBytes: integer(table['index_bytes']),
    liveRows: integer(table['live']),
    deadRows: integer(table['dead']),
    vacuumedAt: dateOrNull(table['vacuumed_at']),
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

import { isRecord } from '../model/check.ts'
import {
  PORTABLE_FIELDS,
  type PortableJob,
  type PortableJobSchedule,
  type PortableState,
  type PortableStep,
  type PortableToken,
} from '../model/portable.ts'
import type { ExportPart, MovedSchedule, TransferStore } from '../store/transfer.ts'
import type { Row } from './executor.ts'
import { date, integer, json, text, textOrNull } from './rows.ts'
import { definitionJson } from './schedule.ts'
import type { Database } from './schema.ts'
import { columnOf } from './transfer-columns.ts'
import { importedJob, importedSchedule, importedToken } from './transfer-import.ts'

export function transferVerbs(db: Database): TransferStore {
  return {
    async exportHead() {
      const instance = text(await db.value('select :schema.instance_id()'))
      const [row] = await db.query(HEAD)
      const [lastId, firstId, running, untold] = (row ?? []).map(integer)
      return { instance, lastId: lastId ?? 0, firstId: firstId ?? 0, running: running ?? 0, untold: untold ?? 0 }
    },
    async exportJobs({ part, after, upTo, limit }) {
      const rows = await db.read(exportQuery(part), [after, upTo, limit])
      return rows.map(portableJob)
    },
    async countLive({ upTo }) {
      return integer(await db.value('select count(*) from :schema.jobs j where j.id <= $1::bigint', [upTo]))
    },
    async exportTokens({ after, limit }) {
      const rows = await db.read(TOKENS, [after, limit])
      return rows.map(([token]) => portableToken(json(token)))
    },
    async beginImport({ source, firstId, lastId }) {
      const template = 'select :schema.begin_import($1::text, $2::bigint, $3::bigint)'
      const ranges = json(await db.value(template, [source, firstId, lastId]))
      return (Array.isArray(ranges) ? ranges : []).filter(isRecord).map(({ from, to, shift }) => ({
        from: integer(from),
        to: integer(to),
        shift: integer(shift),
      }))
    },
    async importJobs({ source, sourceIds, jobs }) {
      const template = 'select i.imported, i.keys_taken from :schema.import_jobs($1::text, $2::bigint[], $3::jsonb) i'
      const [row] = await db.query(template, [source, sourceIds, `[${jobs.map(importedJob).join(',')}]`])
      return { imported: integer(row?.[0]), keysTaken: integer(row?.[1]) }
    },
    async importTokens({ tokens }) {
      const template = 'select :schema.import_tokens($1::jsonb, null)'
      return integer(await db.value(template, [`[${tokens.map(importedToken).join(',')}]`]))
    },
    async importSchedules({ schedules }) {
      const template = 'select :schema.import_schedules($1::jsonb)'
      return integer(await db.value(template, [`[${schedules.map(scheduleText).join(',')}]`]))
    },
    async endImport({ ranges }) {
      for (const { from, to, shift } of ranges)
        await db.query('select :schema.end_import($1::bigint, $2::bigint)', [from + shift, to + shift])
    },
  }
}

const HEAD = `
  select (select case when i.is_called then i.last_value else 0 end from :schema.job_ids i),
    coalesce(least((select min(j.id) from :schema.jobs j), (select min(j.id) from :schema.failed_jobs j),
      (select min(j.id) from :schema.finished_jobs j)), 0),
    (select count(*) from :schema.jobs j where j.lane = 'x'), (select count(*) from :schema.dependency_wakes)`

const TOKEN_JSON = `to_jsonb(t) - 'job_id' - 'output' || jsonb_build_object('output', t.output::text)`

const TOKENS = `
  select (${TOKEN_JSON})::text from :schema.tokens t where t.job_id is null and t.id collate "C" > $1::text
  order by t.id collate "C" limit $2::integer`

const TABLES: Readonly<Record<ExportPart, readonly string[]>> = {
  live: [`select to_jsonb(j) as row from :schema.jobs j where j.lane <> 'x' and %RANGE%`],
  awaited: [
    `select to_jsonb(j) as row from :schema.failed_jobs j
     where exists (select from :schema.job_dependencies d where d.on_job_id = j.id) and %RANGE%`,
  ],
  ended: [
    `select to_jsonb(j) as row from :schema.failed_jobs j where %RANGE%`,
    `select to_jsonb(j) || '{"status": "k"}' as row from :schema.finished_jobs j where %RANGE%`,
  ],
}

/** Texts beside the row: a number in a payload may have more digits than the numbers of this language. */
function exportQuery(part: ExportPart): string {
  const range = 'j.id > $1::bigint and j.id <= $2::bigint order by j.id limit $3::integer'
  const sources = TABLES[part].map((source) => `(${source.replace('%RANGE%', range)})`).join(' union all ')
  return `
    select (r.row - 'payload' - 'output' - 'log' - 'nonce' - 'token' - 'worker' - 'lease_until')::text, (r.row -> 'payload')::text,
      (nullif(r.row -> 'output', 'null'))::text, (r.row -> 'log')::text,
      (select jsonb_agg(d.on_job_id order by d.on_job_id) from :schema.job_dependencies d
        where d.job_id = (r.row ->> 'id')::bigint and not d.watch)::text,
      exists (select from :schema.tag_barriers b where b.job_id = (r.row ->> 'id')::bigint),
      (select jsonb_build_object('scope', k.scope, 'until', k.taken_until) from :schema.job_keys k
        where k.job_id = (r.row ->> 'id')::bigint)::text,
      (select s.tenant_id from :schema.schedules s where s.id = (r.row -> 'schedule' ->> 'id')::bigint),
      (select jsonb_agg(to_jsonb(s) - 'job_id' - 'token' || jsonb_build_object('filter', s.filter::text, 'result', s.result::text,
        'error', s.error::text) order by s.seq) from :schema.job_steps s where s.job_id = (r.row ->> 'id')::bigint)::text,
      (select jsonb_agg(jsonb_build_object('name', g.name, 'data', g.data::text, 'rich', g.rich) order by g.id)
        from :schema.job_signals g where g.job_id = (r.row ->> 'id')::bigint)::text,
      (select jsonb_agg(${TOKEN_JSON} order by t.id collate "C") from :schema.tokens t
        where t.job_id = (r.row ->> 'id')::bigint)::text
    from (${sources}) r order by (r.row ->> 'id')::bigint limit $3::integer`
}

function scheduleText(schedule: MovedSchedule): string {
  return importedSchedule(schedule, definitionJson(schedule, ''))
}

type Fields = Readonly<Record<string, unknown>>

function portableJob(columns: Row): PortableJob {
  const [row, payload, output, log, waitsFor, hasBarrier, key, scheduleTenant, steps, signals, tokens] = columns
  const fields = fieldsOf(json(row))
  const read = plainFields(fields)
  const group = groupOf(textOrNull(fields['group_key']), textOrNull(fields['tenant_id']))
  const trail = list(log).filter(isRecord).map(portableEntry)
  return {
    ...read,
    id: integer(fields['id']),
    jobType: text(fields['job_type']),
    payload: text(payload),
    state: stateOf(fields),
    place: integer(fields['ready_seq']),
    priority: integer(fields['priority']),
    attempts: integer(fields['attempts']),
    maxAttempts: integer(fields['max_attempts']),
    createdAt: milliseconds(fields['created_at']),
    runAt: milliseconds(fields['run_at']),
    ...group,
    ...(output !== null && { output: text(output) }),
    // A parked job without a place is as one that waits for its group.
    ...(fields['group_key'] !== null && isUnended(fields) && (fields['lane'] === 'r' || fields['holds_place'] === true)
      ? { holdsPlace: true }
      : {}),
    ...heldKey(json(key)),
    ...(list(waitsFor).length > 0 && { waitsFor: list(waitsFor).map(integer) }),
    ...(hasBarrier === true && { hasBarrier: true }),
    ...(isRecord(fields['schedule']) && { schedule: portableSchedule(fields['schedule'], textOrNull(scheduleTenant)) }),
    ...(trail.length > 0 && { trail }),
    ...(list(steps).length > 0 && { steps: portableSteps(list(steps).filter(isRecord)) }),
    ...(list(signals).length > 0 && { signals: list(signals).filter(isRecord).map(portableSignal) }),
    ...(list(tokens).length > 0 && { tokens: list(tokens).map(portableToken) }),
  }
}

function heldKey(key: unknown): Pick<PortableJob, 'holdsKey' | 'keyScope' | 'keyUntil'> {
  if (!isRecord(key)) return {}
  const { scope, until } = key
  const keyScope = KEY_SCOPES[String(scope)]
  return {
    holdsKey: true,
    ...(keyScope !== undefined && { keyScope }),
    ...(typeof until === 'string' && { keyUntil: milliseconds(until) }),
  }
}

const KEY_SCOPES: Readonly<Record<string, string>> = { t: 'type', q: 'queue', a: 'all' }

/** Fields that are their defaults when they are not given. */
const DEFAULTS: Readonly<Record<string, unknown>> = { crashes: 0, trailDropped: 0, rich: false, forceKill: false }

/** Of no column of their own, or of one that belongs to this store. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'state',
  'place',
  'payload',
  'output',
  'groupId',
  'queue',
  'holdsPlace',
  'keyScope',
  'keyUntil',
])

function plainFields(fields: Fields): Partial<PortableJob> {
  const entries = Object.entries(PORTABLE_FIELDS).flatMap(([name, kind]): [string, unknown][] => {
    const value = fields[columnOf(name)]
    if (LEFT_OUT.has(name) || value === null || value === undefined || value === DEFAULTS[name]) return []
    return [[name, kind === 'time' ? milliseconds(value) : value]]
  })
  return Object.fromEntries(entries)
}

function isUnended(fields: Fields): boolean {
  return fields['status'] === null || fields['status'] === undefined
}

function stateOf(fields: Fields): PortableState {
  if (fields['status'] === 'k') return 'completed'
  if (fields['status'] === 'f') return 'failed'
  if (fields['status'] === 'c') return 'cancelled'
  switch (fields['lane']) {
    case 't':
      return 'timed'
    case 'g':
      return 'group'
    case 'd':
      return 'dependencies'
    case 'w':
      return 'waiting'
    case 'p':
      return fields['group_key'] === null || fields['holds_place'] === true ? 'ready' : 'group'
    default:
      return 'ready'
  }
}

function groupOf(key: string | null, tenant: string | null): Pick<PortableJob, 'groupId' | 'queue'> {
  if (key === null) return {}
  const isQueue = key.startsWith('\u001E')
  const name = key.slice((isQueue ? 1 : 0) + (tenant === null ? 0 : tenant.length + 1))
  return isQueue ? { queue: name } : { groupId: name }
}

function portableSchedule(schedule: Fields, tenantId: string | null): PortableJobSchedule {
  return {
    id: integer(schedule['id']),
    name: text(schedule['name']),
    ...(tenantId !== null && { tenantId }),
    tick: milliseconds(schedule['tick']),
    ...(schedule['manual'] === true && { manual: true }),
  }
}

/** Without the token, which is of this instance: another one may give the same number to another attempt. */
function portableEntry({ token: _token, ...entry }: Fields): Fields {
  const times = ['at', 'claimedAt', 'waitUntil'].flatMap((name) => {
    const value = entry[name]
    return typeof value === 'string' ? [[name, new Date(value).toISOString()] as const] : []
  })
  return { ...entry, ...Object.fromEntries(times) }
}

function portableSteps(steps: readonly Fields[]): PortableStep[] {
  const places = steps.flatMap((step) => [step['seq'], step['ended_seq']].filter((seq) => seq !== null).map(integer))
  const orders = new Map([...new Set(places)].toSorted((a, b) => a - b).map((seq, at) => [seq, at + 1]))
  return steps.map((step) => ({
    key: text(step['key']),
    kind: text(step['kind']),
    status: text(step['status']),
    attempt: integer(step['attempt']),
    tries: integer(step['tries']),
    rich: step['rich'] === true,
    timedOut: step['timed_out'] === true,
    order: orders.get(integer(step['seq'])) ?? 0,
    startedAt: milliseconds(step['started_at']),
    ...given('endedOrder', step['ended_seq'], (seq) => orders.get(integer(seq)) ?? 0),
    ...given('endedAt', step['ended_at'], milliseconds),
    ...given('waitUntil', step['wait_until'], milliseconds),
    ...given('awaited', step['awaited'], text),
    ...given('filter', step['filter'], text),
    ...given('result', step['result'], text),
    ...given('error', step['error'], text),
  }))
}

function portableSignal({ name, data, rich }: Fields): { name: string; data: string; rich: boolean } {
  return { name: text(name), data: text(data), rich: rich === true }
}

function portableToken(value: unknown): PortableToken {
  const token = fieldsOf(value)
  return {
    id: text(token['id']),
    status: text(token['status']),
    rich: token['rich'] === true,
    createdAt: milliseconds(token['created_at']),
    ...given('timeoutAt', token['timeout_at'], milliseconds),
    ...given('completedAt', token['completed_at'], milliseconds),
    ...given('output', token['output'], text),
    ...given('tags', token['tags'], (tags) => list(tags).map(text)),
  }
}

/** A field of this name, unless there is no value. */
function given<Name extends string, T>(name: Name, value: unknown, read: (value: unknown) => T): { [N in Name]?: T } {
  return value === null || value === undefined ? {} : ({ [name]: read(value) } as { [N in Name]?: T })
}

function milliseconds(value: unknown): number {
  return date(value).getTime()
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}

function list(value: unknown): readonly unknown[] {
  const parsed = typeof value === 'string' ? json(value) : value
  return Array.isArray(parsed) ? parsed : []
}

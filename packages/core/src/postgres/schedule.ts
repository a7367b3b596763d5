import { MillraceError } from '../errors.ts'
import type { CatchUp, ScheduleRule } from '../model/schedule.ts'
import type { SchedulePeriod } from '../model/schedule-options.ts'
import type { NewJob } from '../store/enqueue.ts'
import type {
  FiredSchedules,
  NewSchedule,
  ReconciledSchedules,
  ScheduleDefinition,
  ScheduleRef,
  ScheduleSkip,
  ScheduleStore,
  ScheduleTick,
  StoredSchedule,
} from '../store/schedule.ts'
import { jobJson } from './enqueue.ts'
import type { Row } from './executor.ts'
import { date, dateOrNull, integer, integerOrNull, json, text, textOrNull, timeColumn, timestamp } from './rows.ts'
import type { Database } from './schema.ts'
import { storeCodeOf } from './sqlstate.ts'

const NOW = timeColumn('clock_timestamp()')

export function scheduleVerbs(db: Database): ScheduleStore {
  return {
    storeTime: async () => date(await db.value(`select ${NOW}`)),
    async addSchedule(schedule) {
      const add = db.value('select :schema.add_schedule($1::jsonb)', [scheduleJson(schedule)])
      return integerOrNull(await add.catch((error: unknown) => refuseZone(error, schedule.timezone)))
    },
    async getSchedule(ref) {
      const [row] = await db.read(`select ${COLUMNS} from :schema.schedules s where ${REF}`, refArguments(ref))
      return row === undefined ? null : storedSchedule(row)
    },
    async listSchedules({ status, tenantId }) {
      const rows = await db.read(
        `select ${COLUMNS} from :schema.schedules s where ($1::"char" is null or s.status = $1::"char") ` +
          'and ($2::text is null or s.tenant_id = $2::text) order by s.id',
        [status === undefined ? null : STATUS_LETTERS[status], tenantId ?? null],
      )
      return rows.map(storedSchedule)
    },
    async editSchedule({ id, revision, definition, nextRunAt }) {
      const changes = definitionJson(definition, nextRunAt === undefined ? '' : nextJson(nextRunAt))
      const sql = 'select :schema.edit_schedule($1::bigint, $2::bigint, $3::jsonb)'
      const edit = db.value(sql, [id, revision, changes])
      return (await edit.catch((error: unknown) => refuseZone(error, definition.timezone))) === true
    },
    async removeSchedule({ id }) {
      const sql =
        'with d as (delete from :schema.schedules s where s.id = $1::bigint returning 1) select count(*) from d'
      return integer(await db.value(sql, [id])) > 0
    },
    pauseSchedule: ({ id, revision }) => setStatus(db, [id, revision, 'p', null]),
    resumeSchedule: ({ id, revision, nextRunAt }) =>
      setStatus(db, [id, revision, 'a', nextRunAt === null ? null : timestamp(nextRunAt)]),
    ...firingVerbs(db),
  }
}

type Firing = 'dueSchedules' | 'fireSchedules' | 'runSchedule' | 'skipTick' | 'listTicks' | 'reconcileSchedules'

function firingVerbs(db: Database): Pick<ScheduleStore, Firing> {
  return {
    async dueSchedules({ limit }) {
      // The first row tells the time, and how long there is nothing to do.
      const rows = await db.query(
        `select ${NOW}, :schema.schedules_due_ms(clock_timestamp()), ${COLUMNS} from (select 1) one left join (` +
          "select * from :schema.schedules c where c.status = 'a' and c.next_run_at <= clock_timestamp() " +
          'order by c.next_run_at limit $1::integer) s on true order by s.next_run_at',
        [limit],
      )
      const [first] = rows
      return {
        now: date(first?.[0]),
        nextDueMs: numberOrNull(first?.[1]),
        schedules: rows.filter((row) => row[2] !== null && isKnown(row[8])).map((row) => storedSchedule(row.slice(2))),
      }
    },
    async fireSchedules({ fires }) {
      const list = fires.map(({ ticks, next, ...fire }) => {
        return { ...fire, ticks: ticks.map(timestamp), next: next === null ? null : timestamp(next) }
      })
      const [row] = await db.query(
        'select f.added::text, f.moved, f.next_due_ms from :schema.fire_schedules($1::jsonb) f',
        [JSON.stringify(list)],
      )
      return firedSchedules(row ?? [])
    },
    async runSchedule({ id }) {
      const added = await db.value('select :schema.run_schedule($1::bigint)::text', [id])
      return added === null ? null : addedJob(json(added))
    },
    async skipTick({ id, revision, at, next }) {
      const sql = 'select :schema.skip_schedule($1::bigint, $2::bigint, $3::timestamptz, $4::timestamptz)'
      return (await db.value(sql, [id, revision, at, next === null ? null : timestamp(next)])) === true
    },
    async listTicks({ id, limit }) {
      const rows = await db.read(
        `select ${timeColumn('t.tick_at')}, t.outcome, t.job_id, ${timeColumn('t.fired_at')} from :schema.schedule_ticks t ` +
          'where t.schedule_id = $1::bigint order by t.tick_at desc limit $2::integer',
        [id, limit],
      )
      return rows.map(scheduleTick)
    },
    reconcileSchedules: ({ owner, declared }) => reconcile(db, owner, declared),
  }
}

async function setStatus(db: Database, values: readonly unknown[]): Promise<boolean> {
  const sql = 'select :schema.set_schedule_status($1::bigint, $2::bigint, $3::"char", $4::timestamptz)'
  return (await db.value(sql, values)) === true
}

async function reconcile(db: Database, owner: string, declared: readonly NewSchedule[]): Promise<ReconciledSchedules> {
  const list = `[${declared.map(scheduleJson).join(',')}]`
  try {
    const told = json(await db.value('select :schema.reconcile_schedules($1::text, $2::jsonb)::text', [owner, list]))
    const names = (field: string): readonly string[] => {
      const value: unknown = typeof told === 'object' && told !== null ? Reflect.get(told, field) : undefined
      return Array.isArray(value) ? value.map(text) : []
    }
    return { added: names('added'), edited: names('edited'), removed: names('removed') }
  } catch (error) {
    if (storeCodeOf(error) !== REFUSED) return refuseZone(error, undefined)
    throw new MillraceError('OPTION_INVALID', `Schedules of another owner have names that "${owner}" declares too.`, {
      cause: error,
      details: { field: 'schedules', value: owner, remedy: 'Rename them, or declare them in one place only' },
    })
  }
}

/** The client checked the zone, but only the database can count periods in it. */
function refuseZone(error: unknown, timezone: string | undefined): never {
  if (storeCodeOf(error) !== UNKNOWN_ZONE) throw error
  const remedy = 'Use a zone of the IANA database, or leave out `oncePer`'
  throw new MillraceError('OPTION_INVALID', `The database does not know the time zone of \`oncePer\`. ${remedy}.`, {
    cause: error,
    details: { field: 'timezone', value: timezone, remedy },
  })
}

/** What PostgreSQL says of an unknown zone. */
const UNKNOWN_ZONE = '22023'

/** Raised by reconcile_schedules. */
const REFUSED = 'MR001'

const REF =
  "case when $1::bigint is null then coalesce(s.tenant_id, '') = $3::text and s.name = $2::text else s.id = $1::bigint end"

function refArguments(ref: ScheduleRef): unknown[] {
  return 'id' in ref ? [ref.id, null, null] : [null, ref.name, ref.tenantId ?? '']
}

/** The columns that `storedSchedule` reads, in order. */
const COLUMNS = `s.id, s.name, s.tenant_id, s.owner, s.status, s.revision, s.rule::text, s.timezone, ${timeColumn('s.starts_at')},
  ${timeColumn('s.ends_at')}, s.allow_overlap, s.catch_up, s.catch_up_limit, s.grace_ms, s.jitter_ms, s.once_per, s.job::text,
  (s.job -> 'payload')::text, ${timeColumn("s.next_run_at at time zone 'UTC'")} || 'Z', ${timeColumn('s.last_tick_at')},
  ${timeColumn('s.last_enqueued_at')}, s.last_job_id, ${timeColumn('s.last_skipped_at')}, s.last_skip,
  ${timeColumn('s.created_at')}, ${timeColumn('s.updated_at')}`

function storedSchedule(row: Row): StoredSchedule {
  const [id, name, tenantId, owner, status, revision, rule, timezone, startAt, endAt, allowOverlap, catchUp] = row
  const [catchUpLimit, graceMs, jitterMs, oncePer, job, payload, nextKey, lastTickAt] = row.slice(12)
  const [lastEnqueuedAt, lastJobId, lastSkippedAt, lastSkip, createdAt, updatedAt] = row.slice(20)
  return {
    id: integer(id),
    name: text(name),
    tenantId: textOrNull(tenantId),
    owner: textOrNull(owner),
    status: text(status) === 'a' ? 'active' : 'paused',
    revision: integer(revision),
    rule: scheduleRule(json(rule)),
    timezone: text(timezone),
    startAt: dateOrNull(startAt),
    endAt: dateOrNull(endAt),
    allowOverlap: allowOverlap === true,
    catchUp: byLetter(CATCH_UPS, catchUp),
    catchUpLimit: integer(catchUpLimit),
    graceMs: integer(graceMs),
    jitterMs: integer(jitterMs),
    oncePer: PERIODS.find((period) => period === oncePer) ?? null,
    job: storedJob(json(job), text(payload)),
    nextRunAt: dateOrNull(nextKey),
    nextRunKey: textOrNull(nextKey),
    lastTickAt: dateOrNull(lastTickAt),
    lastEnqueuedAt: dateOrNull(lastEnqueuedAt),
    lastJobId: integerOrNull(lastJobId),
    lastSkippedAt: dateOrNull(lastSkippedAt),
    lastSkip: lastSkip === null ? null : byLetter(SKIPS, lastSkip),
    createdAt: date(createdAt),
    updatedAt: date(updatedAt),
  }
}

const STATUS_LETTERS = { active: 'a', paused: 'p' } as const
const CATCH_UPS: Readonly<Record<string, CatchUp>> = { s: 'skip', o: 'one', a: 'all' }
const SKIPS: Readonly<Record<string, ScheduleSkip>> = { o: 'overlap', m: 'missed', p: 'period', u: 'asked' }
const OUTCOMES: Readonly<Record<string, ScheduleTick['outcome']>> = { ...SKIPS, j: 'added', r: 'run' }
const PERIODS: readonly SchedulePeriod[] = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']

function byLetter<T>(values: Readonly<Record<string, T>>, letter: unknown): T {
  const value = values[text(letter)]
  if (value === undefined) throw unknown(`the letter ${text(letter)}`)
  return value
}

function unknown(what: string): MillraceError {
  return new MillraceError('STORE_FAILED', `A stored schedule has ${what}, which this version does not know.`)
}

/** Whether this version can fire it: a rule of a kind that a newer one added is left to that one's processes. */
function isKnown(rule: unknown): boolean {
  const kind = fieldsOf(json(rule))('kind')
  return kind === 'cron' || kind === 'every'
}

function scheduleRule(value: unknown): ScheduleRule {
  const field = fieldsOf(value)
  switch (field('kind')) {
    case 'cron':
      return { kind: 'cron', expression: text(field('expression')), timezone: text(field('timezone')) }
    case 'every':
      return { kind: 'every', everyMs: integer(field('everyMs')), anchorMs: integer(field('anchorMs')) }
    default:
      throw unknown(`a rule of kind ${text(field('kind'))}`)
  }
}

/** The template of a schedule's jobs, from what `jobJson` wrote. */
function storedJob(value: unknown, payload: string): NewJob {
  const field = fieldsOf(value)
  const number = <K extends keyof NewJob>(key: K, name: string): Partial<Record<K, number>> =>
    field(name) === undefined ? {} : ({ [key]: Number(field(name)) } as Partial<Record<K, number>>)
  const string = <K extends keyof NewJob>(key: K, name: string): Partial<Record<K, string>> =>
    field(name) === undefined ? {} : ({ [key]: text(field(name)) } as Partial<Record<K, string>>)
  const tags = field('tags')
  const backoff = field('retry_backoff')
  return {
    jobType: text(field('job_type')),
    payload,
    ...(field('rich') === true ? { codec: 'rich' } : {}),
    ...number('priority', 'priority'),
    ...number('maxAttempts', 'max_attempts'),
    ...number('timeoutMs', 'timeout_ms'),
    ...(field('force_kill') === true ? { forceKillOnTimeout: true } : {}),
    ...(Array.isArray(tags) ? { tags: tags.map(text) } : {}),
    ...number('retryDelay', 'retry_delay'),
    ...(typeof backoff === 'boolean' ? { retryBackoff: backoff } : {}),
    ...number('retryDelayMax', 'retry_delay_max'),
    ...string('deadLetterJobType', 'dead_letter_job_type'),
    ...string('groupId', 'group_id'),
    ...string('groupTier', 'group_tier'),
    ...string('tenantId', 'tenant_id'),
  }
}

function fieldsOf(value: unknown): (name: string) => unknown {
  const fields = typeof value === 'object' && value !== null ? value : {}
  return (name) => Reflect.get(fields, name)
}

function scheduleJson(schedule: NewSchedule): string {
  const { name, tenantId, nextRunAt } = schedule
  const whose = tenantId === null ? '' : `,"tenant_id":${JSON.stringify(tenantId)}`
  return definitionJson(schedule, `,"name":${JSON.stringify(name)}${whose}${nextJson(nextRunAt)}`)
}

function nextJson(next: Date | null): string {
  return `,"next_run_at":${next === null ? 'null' : `"${timestamp(next)}"`}`
}

/** As add_schedule takes it; the payload within is JSON already. */
export function definitionJson(definition: ScheduleDefinition, more: string): string {
  const { rule, timezone, startAt, endAt, allowOverlap, catchUp, catchUpLimit, graceMs, jitterMs, oncePer } = definition
  const columns = {
    rule,
    timezone,
    starts_at: startAt === null ? null : timestamp(startAt),
    ends_at: endAt === null ? null : timestamp(endAt),
    allow_overlap: allowOverlap,
    catch_up: catchUp.charAt(0),
    catch_up_limit: catchUpLimit,
    grace_ms: graceMs,
    jitter_ms: jitterMs,
    once_per: oncePer,
  }
  return `${JSON.stringify(columns).slice(0, -1)},"job":${jobJson(definition.job)}${more}}`
}

function firedSchedules([added, moved, nextDueMs]: Row): FiredSchedules {
  const jobs = json(added)
  return {
    added: Array.isArray(jobs) ? jobs.map(addedJob) : [],
    moved: integer(moved),
    nextDueMs: numberOrNull(nextDueMs),
  }
}

function addedJob(value: unknown): { readonly id: number; readonly jobType: string } {
  const field = fieldsOf(value)
  return { id: integer(field('job')), jobType: text(field('type')) }
}

function scheduleTick([tickAt, outcome, jobId, firedAt]: Row): ScheduleTick {
  return {
    tickAt: date(tickAt),
    outcome: byLetter(OUTCOMES, outcome),
    jobId: integerOrNull(jobId),
    firedAt: date(firedAt),
  }
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

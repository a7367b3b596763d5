import { expectedIndexes, grantStatements } from 'millrace/postgres'
import { type Check, noneOf } from './check.ts'
import { alone, ask, askAnyway, type Place, quoted, text } from './place.ts'

/** Fewer come and go between two rounds of upkeep. */
const STALE_ROWS = 100

/** Whether the role may do what a worker does. Nothing else can be looked at without. */
export async function checkRights(place: Place): Promise<Check> {
  const { queue, schema } = place
  const [found] = await askAnyway(
    place,
    'select rolname::text as name from pg_roles where rolname = coalesce($1, current_user)',
    [place.role ?? null],
  )
  const role = text(found?.['name'])
  if (role === '') {
    const detail = `there is no role ${place.role ?? ''}`
    return { name: 'rights', ok: false, detail, next: 'name one that is there: --role' }
  }
  const missing = await askAnyway(place, MISSING_RIGHTS, [schema, role])
  const check = noneOf(
    missing.map((row) => text(row['missing'])),
    { name: 'rights', fine: `${role} may add and work jobs`, what: `rights that ${role} lacks` },
  )
  if (check.ok) return check
  const grant = async (): Promise<void> => {
    await queue.transaction(async (tx) => {
      for (const statement of grantStatements({ schema, role })) await tx.query(statement)
    })
  }
  const next = `as the owner of the schema: millrace grants --schema '${schema}' --role '${role}' | psql`
  return { ...check, next, fix: { what: `granted ${role} what it lacked`, apply: grant } }
}

/** How many jobs failed for good within the last hour, as far as `most`. */
export async function countDead(place: Place, most: number): Promise<number> {
  const [row] = await ask(place, DEAD, [most])
  return Number(row?.['dead'] ?? 0)
}

/** What only the database knows: indexes, the days of history, what dead workers left. */
export async function checkDatabase(place: Place): Promise<readonly Check[]> {
  // One after the other, each in a short transaction of its own: an embedded database has one session.
  return [
    await checkTypes(place),
    await checkInvalidIndexes(place),
    await checkMissingIndexes(place),
    await checkHistory(place),
    await checkDeadWorkers(place),
    await checkExpiredClaims(place),
    await checkStaleRows(place),
  ]
}

async function checkTypes(place: Place): Promise<Check> {
  const name = 'types'
  const workers = await place.queue.getWorkers()
  const taken = new Set(workers.flatMap(({ jobTypes }) => jobTypes ?? []))
  const isAllTaken = workers.length === 0 || workers.some(({ jobTypes }) => jobTypes === null)
  if (isAllTaken) return { name, ok: true, detail: workers.length === 0 ? 'no worker to ask' : 'a worker takes all' }
  const ready = await ask(place, READY_TYPES, [])
  const lonely = ready.filter((row) => !taken.has(text(row['job_type'])))
  const named = lonely.map((row) => `${text(row['job_type'])} (${text(row['jobs'])} ready)`)
  const check = noneOf(named, { name, fine: 'every ready one has a worker', what: 'that no live worker takes' })
  return check.ok
    ? check
    : { ...check, next: 'start a worker that defines them; millrace workers lists who takes what' }
}

async function checkInvalidIndexes(place: Place): Promise<Check> {
  const rows = await ask(place, INVALID_INDEXES, [place.schema])
  const names = rows.map((row) => text(row['name']))
  const check = noneOf(names, { name: 'invalid indexes', fine: 'none', what: 'that no query uses' })
  if (check.ok) return check
  const apply = async (): Promise<void> => {
    for (const name of names)
      await alone(place.queue, `reindex index concurrently ${quoted(place.schema)}.${quoted(name)}`)
  }
  return { ...check, next: 'reindex them: millrace doctor --fix', fix: { what: `rebuilt ${names.join(', ')}`, apply } }
}

async function checkMissingIndexes(place: Place): Promise<Check> {
  const there = new Set((await ask(place, INDEXES, [place.schema])).map((row) => text(row['name'])))
  const missing = expectedIndexes(place.schema).filter(({ name }) => !there.has(name))
  const names = missing.map(({ name }) => name)
  const check = noneOf(names, { name: 'missing indexes', fine: 'none', what: 'that somebody has dropped' })
  if (check.ok) return check
  const apply = async (): Promise<void> => {
    for (const { sql } of missing) await alone(place.queue, sql)
  }
  // A partitioned table takes no concurrent build; the statement is that of the migration.
  const next = 'make them again, which keeps writers of their tables waiting: millrace doctor --fix'
  return { ...check, next, fix: { what: `made ${names.join(', ')}`, apply } }
}

async function checkHistory(place: Place): Promise<Check> {
  const name = 'history'
  const [row] = await ask(place, HISTORY, [place.schema])
  const isReady = row?.['tomorrow'] === true
  const strayed = row?.['strayed'] === true
  if (isReady && !strayed) return { name, ok: true, detail: 'its days are made ahead' }
  const detail = isReady ? 'completed jobs lie in the default partition' : 'there is no partition for tomorrow'
  const apply = async (): Promise<void> => {
    await ask(place, 'select :schema.make_partitions()', [])
  }
  const next = 'run a supervisor (millrace worker --supervise), or: millrace doctor --fix'
  return { name, ok: false, detail, next, fix: { what: 'made the partitions of the days ahead', apply } }
}

async function checkDeadWorkers(place: Place): Promise<Check> {
  const dead = await ask(place, DEAD_WORKERS, [])
  const named = dead.map((row) => `${text(row['worker'])} with ${text(row['jobs'])} jobs`)
  const check = noneOf(named, { name: 'dead workers', fine: 'none', what: 'whose jobs nobody has taken back' })
  if (check.ok) return check
  const apply = async (): Promise<void> => void (await place.queue.reclaimStuckJobs())
  const next = 'any running worker does it; or: millrace doctor --fix'
  return { ...check, next, fix: { what: 'took back the jobs of dead workers', apply } }
}

async function checkExpiredClaims(place: Place): Promise<Check> {
  const rows = await ask(place, EXPIRED_CLAIMS, [])
  const named = rows.map((row) => `job ${text(row['job'])}`)
  const check = noneOf(named, {
    name: 'expired claims',
    fine: 'none',
    what: 'made by get_jobs, that nobody has taken back',
  })
  if (check.ok) return check
  const apply = async (): Promise<void> => void (await place.queue.reclaimStuckJobs())
  const next = 'any running worker or call of get_jobs does it; or: millrace doctor --fix'
  return { ...check, next, fix: { what: 'took back the jobs of expired claims', apply } }
}

async function checkStaleRows(place: Place): Promise<Check> {
  const name = 'stale rows'
  const [row] = await ask(place, STALE, [])
  const count = Number(row?.['stale'] ?? 0)
  if (count <= STALE_ROWS) return { name, ok: true, detail: 'none to speak of' }
  const supervisor = place.queue.createSupervisor({
    cleanupJobsDaysToKeep: 0,
    cleanupEventsDaysToKeep: 0,
    fireSchedules: false,
    onError: () => {},
  })
  const next = 'run a supervisor (millrace worker --supervise), or: millrace doctor --fix'
  const apply = async (): Promise<void> => void (await supervisor.start())
  return {
    name,
    ok: false,
    detail: `${count} that nothing refers to`,
    next,
    fix: { what: 'removed stale rows', apply },
  }
}

const MISSING_RIGHTS = `
  with n as (select n.oid, n.nspname from pg_catalog.pg_namespace n where n.nspname = $1)
  select 'usage of the schema' as missing from n where not has_schema_privilege($2::name, n.oid, 'usage')
  union all
  select p.name || ' of ' || c.relname from n join pg_catalog.pg_class c on c.relnamespace = n.oid
    cross join lateral unnest(case when c.relkind = 'S' then array['usage', 'select']
      when c.relname in ('migrations', 'tenant_roles') then array['select'] else array['select', 'insert', 'update', 'delete'] end) p(name)
  where c.relkind in ('r', 'p', 'S') and not c.relispartition
    and not case when c.relkind = 'S' then has_sequence_privilege($2::name, c.oid, p.name) else has_table_privilege($2::name, c.oid, p.name) end
  union all
  select 'execute of ' || f.proname from n join pg_catalog.pg_proc f on f.pronamespace = n.oid
  where not has_function_privilege($2::name, f.oid, 'execute')`

const READY_TYPES = `select s.job_type, s.jobs::text as jobs from :schema.stats() s where s.status = 'ready'`

const INDEXES = `
  select c.relname::text as name from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind in ('i', 'I')`

const INVALID_INDEXES = `
  select c.relname::text as name from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind = 'i' and not i.indisvalid order by 1`

const HISTORY = `
  select to_regclass(format('%I.%I', $1::text, 'finished_jobs_' || to_char((clock_timestamp() at time zone 'UTC')::date + 1, 'YYYYMMDD')))
      is not null as tomorrow,
    exists (select from :schema.finished_jobs_default) as strayed`

// A minute: whoever is alive looks more often.
const DEAD_WORKERS = `
  select w.worker_id as worker, coalesce(cardinality(:schema.leased_jobs(w.id)), 0)::text as jobs from :schema.workers w
  where w.expires_at < clock_timestamp() - interval '1 minute' order by w.id`

const DEAD = `
  select count(*)::text as dead from (select from :schema.failed_jobs j
    where j.status = 'f' and j.finished_at > clock_timestamp() - interval '1 hour' limit $1::bigint) d`

const EXPIRED_CLAIMS = `
  select l.job_id::text as job from :schema.sql_leases l where l.lease_until < clock_timestamp() - interval '1 minute'
  order by l.lease_until limit 1000`

const STALE = `
  select (select count(*) from :schema.cancel_requests c
      where not exists (select from :schema.leases l where l.worker = c.worker and l.token = c.token))
    + (select count(*) from :schema.groups g where g.active = 0 and g.max_active is null
      and not exists (select from :schema.jobs j where j.lane = 'g' and j.group_key = g.group_key)) as stale`

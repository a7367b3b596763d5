import { MillraceError } from 'millrace'
import { appJobsSql } from 'millrace/sql'
import type { ImportSource, Prepared, Refused, Survey } from './source.ts'
import { ask, askOne, count, quoted, type Row, type Tx } from './tx.ts'

const OURS = 'app_jobs'

/**
 * `app_jobs` of `@pgpm/database-jobs`. The schema is renamed to `before`, and ours takes its place, in one transaction: those who add
 * jobs meanwhile wait for it. It waits in turn for those who have added and not committed.
 *
 * @param schema - That of our instance.
 */
export function databaseJobs(schema: string, before: string): ImportSource {
  return {
    from: before,
    move: 'select * from :schema.import_database_jobs($1, $2)',
    async survey(db): Promise<Survey> {
      const from = quoted((await isTheirs(db, OURS)) ? OURS : await renamed(db, before))
      const row = await askOne(
        db,
        `select count(*) filter (where locked_at is null and attempts < max_attempts) as live,
          count(*) filter (where locked_at is null and attempts >= max_attempts) as dead,
          count(*) filter (where locked_at is not null) as held,
          (select count(*) from ${from}.scheduled_jobs) as schedules
        from ${from}.jobs`,
      )
      return {
        live: count(row['live']),
        dead: count(row['dead']),
        held: count(row['held']),
        stays: 0,
        schedules: count(row['schedules']),
      }
    },
    async prepare(db): Promise<Prepared> {
      if (await isTheirs(db, OURS)) await exchange(db, schema, before)
      const row = await askOne(db, `select * from ${quoted(schema)}.import_database_schedules($1)`, [before])
      const refused = Array.isArray(row['refused']) ? row['refused'].map(refusedOf) : []
      return { schedules: count(row['moved']), triggers: count(row['triggers']), refused }
    },
  }
}

async function exchange(db: Tx, schema: string, before: string): Promise<void> {
  if (await isTheirs(db, before)) {
    throw refused(
      `Schema ${before} is there already, and ${OURS} is not ours yet.`,
      'name another one for what was there: --from-schema NAME',
    )
  }
  // They name app_jobs, which is another schema from now on.
  await db.query(`alter table ${OURS}.jobs disable trigger user`)
  await db.query(`alter schema ${OURS} rename to ${quoted(before)}`)
  await db.query(appJobsSql(schema))
}

async function renamed(db: Tx, before: string): Promise<string> {
  if (await isTheirs(db, before)) return before
  throw refused(
    `Neither ${OURS} nor ${before} holds the tables of @pgpm/database-jobs.`,
    'name the schema that was app_jobs: --from-schema NAME',
  )
}

/** Whether `schema` holds the tables of the package: ours has views. */
async function isTheirs(db: Tx, schema: string): Promise<boolean> {
  const rows = await ask(
    db,
    `select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname in ('jobs', 'scheduled_jobs') and c.relkind = 'r'`,
    [schema],
  )
  return rows.length === 2
}

function refusedOf(value: unknown): Refused {
  const row: Row = { ...Object(value) }
  return { id: count(row['id']), task: String(row['task']), reason: String(row['reason']) }
}

function refused(message: string, remedy: string): MillraceError {
  return new MillraceError('IMPORT_REFUSED', message, { details: { field: '--from-schema', remedy } })
}

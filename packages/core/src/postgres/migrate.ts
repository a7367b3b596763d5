import { MillraceError } from '../errors.ts'
import type { MigrateStore } from '../store/migrate.ts'
import { appJobsChecksum, appJobsFiles, functionFiles, functionsChecksum, tableMigrations } from './generated/sql.ts'
import type { Row } from './executor.ts'
import { integer, text } from './rows.ts'
import { type Database, repeatConflict } from './schema.ts'

/**
 * The oldest schema version whose clients may still work beside this one. A table migration that an older client cannot
 * live with raises it; such a client then refuses to start.
 */
const OLDEST_CLIENT = 1

/** Its row in the book of migrations, in which tables count from 1 and 0 is the set of functions. */
const APP_JOBS = -1

const CURRENT = tableMigrations.at(-1)?.version ?? 0

interface Installed {
  readonly versions: ReadonlyMap<number, string>
  readonly functions: string | null
  readonly appJobs: string | null
  readonly oldestClient: number
}

/** Compatibility schemas that an instance can have beside its own. */
export type CompatibilitySchema = 'app_jobs'

/** @param also - Installed with the instance's own schema. One that is there already stays without being named. */
export function migrateVerbs(db: Database, also: readonly CompatibilitySchema[] = []): MigrateStore {
  return {
    async migrate({ mode }) {
      const found = await installed(db)
      if (found) refuseForeign(db, found)
      if (found && isCurrent(found, also)) return { applied: [] }
      if (mode === 'check') throw notCurrent(db, found, also)
      const applied = await apply(db, found, also)
      return { applied }
    },
  }
}

/** What the database has, without writing anything; `null` when the schema or its book of migrations is missing. */
async function installed(db: Database): Promise<Installed | null> {
  const exists = await db.value("select to_regclass(':schema.migrations') is not null")
  if (exists !== true) return null
  const rows: readonly Row[] = await db.query(
    'select m.version, m.checksum, m.oldest_client from :schema.migrations m order by m.version',
  )
  const tables = rows.filter((row) => integer(row[0]) > 0)
  const checksumOf = (version: number): string | null => {
    const row = rows.find((one) => integer(one[0]) === version)
    return row ? text(row[1]) : null
  }
  return {
    versions: new Map(tables.map((row) => [integer(row[0]), text(row[1])])),
    functions: checksumOf(0),
    appJobs: checksumOf(APP_JOBS),
    oldestClient: Math.max(0, ...rows.map((row) => integer(row[2]))),
  }
}

function isCurrent(found: Installed, also: readonly CompatibilitySchema[]): boolean {
  if (also.includes('app_jobs') && found.appJobs === null) return false
  // A newer schema keeps its own functions: the older client must not put its own back.
  if (Math.max(0, ...found.versions.keys()) > CURRENT) return true
  if (found.appJobs !== null && found.appJobs !== appJobsChecksum) return false
  return found.versions.size === tableMigrations.length && found.functions === functionsChecksum
}

/** @throws MillraceError `SCHEMA_TOO_NEW` or `SCHEMA_CHANGED` */
function refuseForeign(db: Database, found: Installed): void {
  if (found.oldestClient > CURRENT) {
    throw new MillraceError(
      'SCHEMA_TOO_NEW',
      `Schema "${db.schema}" has been migrated by a newer version of Millrace that no longer works beside this one. Update this process.`,
      { details: { field: 'schema', value: db.schema, remedy: 'Update the `millrace` package of this process.' } },
    )
  }
  for (const migration of tableMigrations) {
    const checksum = found.versions.get(migration.version)
    if (checksum !== undefined && checksum !== migration.checksum) {
      throw new MillraceError(
        'SCHEMA_CHANGED',
        `Migration ${migration.version} (${migration.name}) of schema "${db.schema}" differs from the one this version ships.`,
        {
          details: {
            field: 'schema',
            value: db.schema,
            remedy: 'Install the released package, or start with a fresh schema.',
          },
        },
      )
    }
  }
}

function notCurrent(db: Database, found: Installed | null, also: readonly CompatibilitySchema[]): MillraceError {
  const lacking = pendingSteps(found, also)
  const remedy = "Run `await queue.migrate()` once at deploy, or set `migrate: 'auto'`."
  return found
    ? new MillraceError(
        'SCHEMA_OUTDATED',
        `Schema "${db.schema}" is older than this version needs: it lacks ${lacking.join(', ')}. ${remedy}`,
        {
          details: { field: 'schema', value: lacking, remedy },
        },
      )
    : new MillraceError('SCHEMA_MISSING', `Schema "${db.schema}" has not been set up. ${remedy}`, {
        details: { remedy },
      })
}

/** What a migration would apply, by the names that it answers. */
function pendingSteps(found: Installed | null, also: readonly CompatibilitySchema[]): string[] {
  const tables = tableMigrations.filter(({ version }) => !found?.versions.has(version)).map(({ name }) => name)
  const hasAppJobs = also.includes('app_jobs') || (found !== null && found.appJobs !== null)
  return [
    ...tables,
    ...(found?.functions === functionsChecksum ? [] : ['functions']),
    ...(hasAppJobs && found?.appJobs !== appJobsChecksum ? ['app_jobs'] : []),
  ]
}

/**
 * Everything in one transaction under an advisory lock: of many processes that start together one migrates, the others
 * wait and find it done. The script re-checks each step itself, since `found` was read before the lock; it reads what the
 * others committed while it waited, which a stricter isolation level would hide.
 */
async function apply(db: Database, found: Installed | null, also: readonly CompatibilitySchema[]): Promise<string[]> {
  const pending = tableMigrations.filter((migration) => !found?.versions.has(migration.version))
  const hasAppJobs = also.includes('app_jobs') || (found !== null && found.appJobs !== null)
  const script = db.sql(migrationScript(pending, hasAppJobs))
  await db.executor.script(script).catch((error: unknown) => repeatConflict(error, () => db.executor.script(script)))
  return [...pending.map((migration) => migration.name), 'functions', ...(hasAppJobs ? ['app_jobs'] : [])]
}

/** The template of a script that brings any instance up to date, an empty database too. */
export function fullMigrationScript(): string {
  return migrationScript(tableMigrations, false)
}

function migrationScript(pending: typeof tableMigrations, hasAppJobs: boolean): string {
  const steps = pending.map((migration) =>
    guarded(`not exists (select from :schema.migrations where version = ${migration.version})`, [
      migration.sql,
      `insert into :schema.migrations (version, name, checksum, oldest_client) values (${migration.version}, ` +
        `'${migration.name}', '${migration.checksum}', ${OLDEST_CLIENT});`,
    ]),
  )
  const functions = guarded(
    `not exists (select from :schema.migrations where version = 0 and checksum = '${functionsChecksum}')` +
      ` and not exists (select from :schema.migrations where version > ${CURRENT})`,
    [
      ...functionFiles.map((file) => file.sql),
      `insert into :schema.migrations (version, name, checksum, oldest_client) values (0, 'functions', '${functionsChecksum}', ` +
        `${OLDEST_CLIENT}) on conflict (version) do update set checksum = excluded.checksum, applied_at = clock_timestamp();`,
      'select :schema.make_partitions();',
    ],
  )
  return [BOOK, ...steps, functions, ...(hasAppJobs ? [appJobsStep()] : [])].join('\n')
}

/** Re-applied, like the functions, with every version that changes it. The template of a step of a migration's script. */
export function appJobsStep(): string {
  return guarded(
    `not exists (select from :schema.migrations where version = ${APP_JOBS} and checksum = '${appJobsChecksum}')` +
      ` and not exists (select from :schema.migrations where version > ${CURRENT})`,
    [appJobsScript()],
  )
}

/** The template of what installs `app_jobs`, and notes that it is there: later versions then bring it up to date. */
export function appJobsScript(): string {
  return [
    ...appJobsFiles.map((file) => file.sql),
    `insert into :schema.migrations (version, name, checksum, oldest_client) values (${APP_JOBS}, 'app_jobs', '${appJobsChecksum}', ` +
      `${OLDEST_CLIENT}) on conflict (version) do update set checksum = excluded.checksum, applied_at = clock_timestamp();`,
  ].join('\n')
}

const BOOK = `
set transaction isolation level read committed;
select pg_advisory_xact_lock(hashtextextended('millrace:migrate::rawschema', 0));
set local client_min_messages = warning;
set local check_function_bodies = off;
set local statement_timeout = '5min';
do $book$ begin
  if to_regnamespace(':schema') is null then execute 'create schema :schema'; end if;
end $book$;
create table if not exists :schema.migrations (
  -- 0 is the set of functions, replaced with every version that changes them; tables count from 1 and are frozen.
  version integer primary key, name text not null, checksum text not null,
  oldest_client integer not null, applied_at timestamptz not null default clock_timestamp());
`

/**
 * Statements that run only if `condition` still holds under the lock. They go through `execute` as one text, since a
 * script cannot branch.
 */
function guarded(condition: string, statements: readonly string[]): string {
  const body = statements.join('\n')
  const tag = '$millrace_migration$'
  return `do $guard$ begin if ${condition} then execute ${tag}${body}${tag}; end if; end $guard$;`
}

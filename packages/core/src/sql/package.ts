import { validateSchemaName } from '../postgres/connection.ts'
import { appJobsStep, fullMigrationScript } from '../postgres/migrate.ts'
import { sqlWriter } from '../postgres/schema.ts'

const ENGINE = 'schemas/millrace/schema'
const APP_JOBS = 'schemas/app_jobs/schema'

/**
 * The files of a pgpm (or Sqitch) project that deploys schema `app_jobs` and the engine under it, by their paths in the
 * project: `pgpm.plan`, the control file, and a script for each change in `deploy`, `verify` and `revert`. Deploying
 * again brings what is there up to date; reverting both changes removes all of it, jobs included.
 *
 * @param schema - The schema of the engine. Default `millrace`.
 * @throws MillraceError `OPTION_INVALID` for a name that cannot be a schema's
 */
export function appJobsPackage(schema: string = 'millrace'): Readonly<Record<string, string>> {
  const write = sqlWriter(validateSchemaName(schema))
  const script = (title: string, template: string, last = 'commit'): string =>
    `-- ${title}\n\nbegin;\n\n${write(template).trim()}\n\n${last};\n`
  return {
    'pgpm.plan': PLAN,
    'millrace-app-jobs.control': CONTROL,
    [`deploy/${ENGINE}.sql`]: script(`Deploy ${ENGINE} to pg`, fullMigrationScript()),
    [`deploy/${APP_JOBS}.sql`]: script(`Deploy ${APP_JOBS} to pg`, `-- requires: ${ENGINE}\n${appJobsStep()}`),
    [`verify/${ENGINE}.sql`]: script(`Verify ${ENGINE} on pg`, VERIFY_ENGINE, 'rollback'),
    [`verify/${APP_JOBS}.sql`]: script(`Verify ${APP_JOBS} on pg`, VERIFY_APP_JOBS, 'rollback'),
    [`revert/${APP_JOBS}.sql`]: script(`Revert ${APP_JOBS} from pg`, REVERT_APP_JOBS),
    [`revert/${ENGINE}.sql`]: script(`Revert ${ENGINE} from pg`, 'drop schema :schema cascade;'),
  }
}

const PLAN = `%syntax-version=1.0.0
%project=millrace-app-jobs
%uri=millrace-app-jobs

${ENGINE} 2026-11-25T00:00:00Z millrace <millrace@localhost> # the engine
${APP_JOBS} [${ENGINE}] 2026-11-25T00:00:00Z millrace <millrace@localhost> # schema app_jobs
`

const CONTROL = `# millrace-app-jobs
comment = 'Schema app_jobs of @pgpm/database-jobs, on Millrace'
default_version = '0.1.0'
requires = 'plpgsql'
relocatable = false
superuser = false
`

/** Casts of names that are not there fail. */
const VERIFY_ENGINE = `
select ':schema.jobs'::regclass, ':schema.finished_jobs'::regclass, ':schema.failed_jobs'::regclass;
select ':schema.add_jobs(jsonb, bigint, boolean)'::regprocedure, ':schema.check_invariants()'::regprocedure;
do $verify$ begin
  if exists (select from :schema.check_invariants()) then raise exception 'check_invariants finds what must never be stored'; end if;
end $verify$;
`

const VERIFY_APP_JOBS = `
select 'app_jobs.jobs'::regclass, 'app_jobs.job_queues'::regclass, 'app_jobs.scheduled_jobs'::regclass;
select 'app_jobs.add_job(uuid, text, json, text, text, timestamptz, integer, integer)'::regprocedure,
  'app_jobs.get_job(text, text[], interval)'::regprocedure, 'app_jobs.complete_job(text, bigint)'::regprocedure,
  'app_jobs.fail_job(text, bigint, text)'::regprocedure, 'app_jobs.run_scheduled_job(bigint, interval)'::regprocedure;
do $verify$ begin
  if obj_description('app_jobs'::regnamespace, 'pg_namespace') <> 'millrace instance :rawschema' then
    raise exception 'schema app_jobs is not that of :rawschema';
  end if;
end $verify$;
`

const REVERT_APP_JOBS = `
drop schema app_jobs cascade;
delete from :schema.migrations where name = 'app_jobs';
`

import { validateSchemaName } from '../postgres/connection.ts'
import { appJobsScript, fullMigrationScript } from '../postgres/migrate.ts'
import { sqlWriter } from '../postgres/schema.ts'

/**
 * The script that installs schema `app_jobs` on an instance, as plain SQL: what `with: ['app_jobs']` runs when it
 * migrates. It can be repeated. The instance must have been migrated.
 *
 * @param schema - The schema of the instance. Default `millrace`.
 * @throws MillraceError `OPTION_INVALID` for a name that cannot be a schema's
 */
export function appJobsSql(schema: string = 'millrace'): string {
  return sqlWriter(validateSchemaName(schema))(appJobsScript())
}

/**
 * The script that brings any instance up to date, an empty database too, as plain SQL in one transaction: what `queue.migrate()` does. It can
 * be repeated.
 *
 * @param schema - The schema of the instance; made if it is not there. Default `millrace`.
 * @throws MillraceError `OPTION_INVALID` for a name that cannot be a schema's
 */
export function migrationSql(schema: string = 'millrace'): string {
  return `begin;\n${sqlWriter(validateSchemaName(schema))(fullMigrationScript()).trim()}\ncommit;\n`
}

export { appJobsPackage } from './package.ts'

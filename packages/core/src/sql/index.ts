import { validateSchemaName } from '../postgres/connection.ts'
import { appJobsFiles } from '../postgres/generated/sql.ts'
import { sqlWriter } from '../postgres/schema.ts'

/**
 * The script that installs schema `app_jobs` on an instance, as plain SQL: what `with: ['app_jobs']` runs when it
 * migrates. It can be repeated. The instance must have been migrated.
 *
 * @param schema - The schema of the instance. Default `millrace`.
 * @throws MillraceError `OPTION_INVALID` for a name that cannot be a schema's
 */
export function appJobsSql(schema: string = 'millrace'): string {
  return sqlWriter(validateSchemaName(schema))(appJobsFiles.map((file) => file.sql).join('\n'))
}

export { appJobsPackage } from './package.ts'

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The schema of `@pgpm/database-jobs` as the package ships it, for the role that runs it instead of `administrator`. */
export function databaseJobsSql(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@pgpm/database-jobs/package.json'))
  const script = readFileSync(join(folder, 'sql/pgpm-database-jobs--0.15.3.sql'), 'utf8')
  return `create extension pgcrypto with schema public;
    create schema jwt_private;
    create function jwt_private.current_database_id() returns uuid language sql as
      $$ select '5b720132-17d5-424d-9bcb-ee7b17c13d43'::uuid $$;
    ${script.replace(/^\\echo.*$/m, '').replaceAll('administrator', 'current_user')}`
}

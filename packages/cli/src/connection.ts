import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type CommonConfig, type JobQueueConfig, MillraceError } from 'millrace'
import { schemaFromUrl } from 'millrace/postgres'

/** Options of every command. */
export interface GlobalOptions {
  readonly database?: string
  readonly schema?: string
  readonly data?: string
  readonly json?: true
}

const DEFAULT_DATA = './.millrace'
const DEFAULT_SCHEMA = 'millrace'

/**
 * Which database the options name: `--database`, else the embedded one of `--data`, else `DATABASE_URL` of the environment or of
 * the file `.env`, else the embedded one under `./.millrace`. Commands that only look at it (`migrate: 'check'`) neither make a database nor change its schema.
 *
 * @throws MillraceError `CONFIG_INVALID`, or `STORE_UNAVAILABLE` for an embedded database that is not there.
 */
export function configOf(options: GlobalOptions, common: CommonConfig): JobQueueConfig {
  const { database, data, schema } = options
  if (database !== undefined && data !== undefined) {
    throw invalid('--data', 'Either --database or --data names the database, not both.', 'Leave one of them out')
  }
  const url = database ?? (data === undefined ? urlOfEnvironment() : undefined)
  const shared = { ...common, ...(schema !== undefined && { schema }) }
  if (url === undefined) return embedded(data ?? DEFAULT_DATA, shared)
  checkUrl(url)
  return { ...shared, databaseConfig: { connectionString: url, application_name: 'millrace-cli' } }
}

function urlOfEnvironment(): string | undefined {
  const { DATABASE_URL: url } = process.env
  if (url) return url
  try {
    return parseEnv(readFileSync('.env', 'utf8'))['DATABASE_URL'] || undefined
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function embedded(dataDir: string, shared: CommonConfig): JobQueueConfig {
  if (shared.migrate === 'check' && !existsSync(dataDir)) {
    throw new MillraceError(
      'STORE_UNAVAILABLE',
      `There is no embedded database in ${dataDir}, and none other is named.`,
      {
        details: { remedy: 'set DATABASE_URL, pass --database or --data, or make an embedded one: millrace migrate' },
      },
    )
  }
  return { ...shared, backend: 'pglite', dataDir }
}

/** The schema of the instance that the options name, as the queue finds it. */
export function schemaOf(options: GlobalOptions): string {
  const config = configOf(options, {})
  if (config.backend === 'redis') return DEFAULT_SCHEMA
  const url = config.backend === 'pglite' ? undefined : config.databaseConfig?.connectionString
  return config.schema ?? (url === undefined ? undefined : schemaFromUrl(url)) ?? DEFAULT_SCHEMA
}

/** For people; without what may be a password. */
export function databaseText(config: JobQueueConfig): string {
  if (config.backend === 'pglite') return `${config.dataDir ?? DEFAULT_DATA} (embedded)`
  const url = config.backend === undefined ? config.databaseConfig?.connectionString : undefined
  if (url === undefined || !URL.canParse(url)) return 'PostgreSQL'
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

function checkUrl(url: string): void {
  if (/^postgres(ql)?:\/\//.test(url)) return
  // Not the value: it may hold a password.
  throw invalid('--database', 'The database must be a postgres:// URL.', 'Pass --database postgres://user@host/name')
}

function invalid(field: string, message: string, remedy: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', message, { details: { field, remedy } })
}

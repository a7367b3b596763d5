import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { type CommonConfig, type JobQueueConfig, MillraceError } from 'millrace'
import { schemaFromUrl } from 'millrace/postgres'

/** Options of every command. */
export interface GlobalOptions {
  readonly database?: string
  readonly schema?: string
  readonly data?: string
  readonly redis?: string
  readonly keyPrefix?: string
  readonly json?: true
}

const DEFAULT_DATA = './.millrace'
const DEFAULT_SCHEMA = 'millrace'

/**
 * Which database the options name: that of `--database`, `--data` or `--redis`, else of `DATABASE_URL`, else of `REDIS_URL`, each in the
 * environment or the file `.env`, else the embedded one under `./.millrace`. Commands that only look at it (`migrate: 'check'`) neither
 * make a database nor change its schema.
 *
 * @throws MillraceError `CONFIG_INVALID`, or `STORE_UNAVAILABLE` for an embedded database that is not there.
 */
export function configOf(options: GlobalOptions, common: CommonConfig): JobQueueConfig {
  const { schema, keyPrefix } = options
  const place = placeOf(options)
  if (place.kind === 'redis') {
    if (schema !== undefined) {
      throw invalid('--schema', 'Redis has no schemas; `--key-prefix` names an instance there.', 'Use --key-prefix')
    }
    return onRedis(place.url, keyPrefix, common)
  }
  if (keyPrefix !== undefined) {
    throw invalid(
      '--key-prefix',
      '`--key-prefix` names an instance on Redis, and none is named.',
      'Pass --redis, or use --schema',
    )
  }
  const shared = { ...common, ...(schema !== undefined && { schema }) }
  if (place.kind === 'embedded') return embedded(place.data, shared)
  return { ...shared, databaseConfig: { connectionString: place.url, application_name: 'millrace-cli' } }
}

type Place =
  | { readonly kind: 'postgres' | 'redis'; readonly url: string }
  | { readonly kind: 'embedded'; readonly data: string }

function placeOf({ database, data, redis }: GlobalOptions): Place {
  const named = Object.entries({ '--database': database, '--data': data, '--redis': redis }).filter(
    ([, value]) => value !== undefined,
  )
  if (named.length > 1) {
    const [first, second] = named.map(([name]) => name)
    throw invalid(second ?? '', `Either ${first} or ${second} names the database, not both.`, 'Leave one of them out')
  }
  if (database !== undefined) return { kind: 'postgres', url: checkedUrl('--database', database) }
  if (redis !== undefined) return { kind: 'redis', url: checkedUrl('--redis', redis) }
  if (data !== undefined) return { kind: 'embedded', data }
  const { DATABASE_URL: url, REDIS_URL: redisUrl } = variables()
  if (url) return { kind: 'postgres', url: checkedUrl('DATABASE_URL', url) }
  if (redisUrl) return { kind: 'redis', url: checkedUrl('REDIS_URL', redisUrl) }
  return { kind: 'embedded', data: DEFAULT_DATA }
}

/** Of the environment, and what it lacks of the file `.env`. */
function variables(): Readonly<Record<'DATABASE_URL' | 'REDIS_URL', string | undefined>> {
  const { DATABASE_URL: url, REDIS_URL: redisUrl } = process.env
  if (url && redisUrl) return { DATABASE_URL: url, REDIS_URL: redisUrl }
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
  return { DATABASE_URL: url || file['DATABASE_URL'], REDIS_URL: redisUrl || file['REDIS_URL'] }
}

function onRedis(url: string, keyPrefix: string | undefined, common: CommonConfig): JobQueueConfig {
  const { schema: _schema, with: _with, ...shared } = common
  return { ...shared, backend: 'redis', redisConfig: { url, ...(keyPrefix !== undefined && { keyPrefix }) } }
}

function embedded(dataDir: string, shared: CommonConfig): JobQueueConfig {
  // A folder that only something else is in, or nothing, would become one by being looked at.
  if (shared.migrate === 'check' && !existsSync(join(dataDir, 'data'))) {
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

/** The schema of the instance that the options name, as the queue finds it; `null` on Redis, which has none. */
export function schemaOf(options: GlobalOptions): string | null {
  const config = configOf(options, {})
  if (config.backend === 'redis') return null
  const url = config.backend === 'pglite' ? undefined : config.databaseConfig?.connectionString
  return config.schema ?? (url === undefined ? undefined : schemaFromUrl(url)) ?? DEFAULT_SCHEMA
}

/** @throws MillraceError `FEATURE_UNSUPPORTED` if the options name Redis, which `command` cannot work on. */
export function requireSql(command: string, options: GlobalOptions): void {
  if (placeOf(options).kind !== 'redis') return
  const message = `\`millrace ${command}\` works with SQL, and Redis has none.`
  const details = { field: 'backend', value: 'redis', remedy: 'pass --database, or --data for an embedded one' }
  throw new MillraceError('FEATURE_UNSUPPORTED', message, { details })
}

/** For people; without what may be a password. */
export function databaseText(config: JobQueueConfig): string {
  if (config.backend === 'pglite') return `${config.dataDir ?? DEFAULT_DATA} (embedded)`
  const url = config.backend === 'redis' ? config.redisConfig?.url : config.databaseConfig?.connectionString
  if (url === undefined || !URL.canParse(url)) return config.backend === 'redis' ? 'Redis' : 'PostgreSQL'
  const { host, pathname } = new URL(url)
  if (config.backend !== 'redis') return `${host}${pathname}`
  return `${host}${pathname} (Redis, ${config.redisConfig?.keyPrefix ?? 'dq:'})`
}

const URLS = {
  postgres: { pattern: /^postgres(ql)?:\/\//, option: '--database', example: 'postgres://user@host/name' },
  redis: { pattern: /^rediss?:\/\//, option: '--redis', example: 'redis://user@host/0' },
} as const

function checkedUrl(field: '--database' | 'DATABASE_URL' | '--redis' | 'REDIS_URL', url: string): string {
  const [wanted, other] =
    field === '--redis' || field === 'REDIS_URL' ? (['redis', 'postgres'] as const) : (['postgres', 'redis'] as const)
  const { pattern, option, example } = URLS[wanted]
  if (pattern.test(url)) {
    if (URL.canParse(url)) return url
    throw invalid(
      field,
      `\`${field}\` is a URL that cannot be read.`,
      'Look at its port, and write what is special in a password as %40 for @, %2F for /, %23 for #',
    )
  }
  const remedy = URLS[other].pattern.test(url) ? `Pass it as ${URLS[other].option}` : `Pass ${option} ${example}`
  // Not the value: it may hold a password.
  throw invalid(field, `\`${field}\` must be a ${wanted}:// URL.`, remedy)
}

function invalid(field: string, message: string, remedy: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', message, { details: { field, remedy } })
}

import { MillraceError } from './errors.ts'
import { checkInteger, checkNames, checkText, refuseOption } from './model/check.ts'
import type { Codec } from './model/codec.ts'
import { checkDeclarations, type ScheduleDeclarations } from './model/define-schedules.ts'
import type { JobDefinition } from './model/define-jobs.ts'
import { DEFAULTS } from './model/options.ts'
import type { DatabaseConfig } from './postgres/connection.ts'
import type { CompatibilitySchema } from './postgres/migrate.ts'
import type { PoolLike } from './postgres/pool.ts'
import type { PgliteLike } from './queue-store.ts'

/** What every backend takes. */
export interface CommonConfig {
  /** The result of `defineJobs`: payload schemas, defaults and retry policies by job type. */
  readonly jobs?: Readonly<Record<string, JobDefinition>> | undefined
  /** The result of `defineSchedules`: stored when the first processor or supervisor starts; those no longer declared are removed. */
  readonly schedules?: ScheduleDeclarations | undefined
  /** Whose `schedules` these are: other owners' stay. One for each application that declares some. Default `'default'`. */
  readonly scheduleOwner?: string | undefined
  /** The schema that holds this instance. Default: the first entry of the URL's `search_path`, else `millrace`. */
  readonly schema?: string | undefined
  /** `'auto'` (default) brings the schema up to date at the first call; `'check'` fails if it is not. */
  readonly migrate?: 'auto' | 'check' | undefined
  /**
   * Compatibility schemas that are installed with the instance's own: `['app_jobs']` for the tables and functions of
   * `@pgpm/database-jobs`. Default none.
   */
  readonly with?: readonly CompatibilitySchema[] | undefined
  /** A worker silent for this long loses its jobs to others. Milliseconds, from 2000. Default 30,000. */
  readonly leaseMs?: number | undefined
  /** Whether to hear of new work by notification, over one further connection. Default `true`; without, workers poll. */
  readonly listen?: boolean | undefined
  /**
   * Whether completed jobs are kept as history. Default `true`. Without, `getJob` of a completed job is `null`, its key is free at once,
   * and an add whose answer was lost with its connection is made again if its job has completed before it could be looked for.
   */
  readonly keepCompletedJobs?: boolean | undefined
  /** How payloads of types that `jobs` does not define are stored. Default `'json'`. */
  readonly codec?: Codec | undefined
  /** The most bytes of UTF-8 an encoded payload may have. Default 1,048,576. */
  readonly maxPayloadBytes?: number | undefined
  /** Logs what happens to the console. Default `false`. */
  readonly verbose?: boolean | undefined
}

/** PostgreSQL: a pool of ours (`databaseConfig`, ended by `close`), or the caller's own (`pool`, never ended). */
export interface PostgresJobQueueConfig extends CommonConfig {
  readonly backend?: 'postgres' | undefined
  readonly databaseConfig?: DatabaseConfig | undefined
  readonly pool?: PoolLike | undefined
}

/** Real PostgreSQL embedded in this machine's processes, from `@millrace/pglite`. */
export interface PgliteJobQueueConfig extends CommonConfig {
  readonly backend: 'pglite'
  /** Where the database lives; one directory serves all processes of the machine. Default `./.millrace`. */
  readonly dataDir?: string | undefined
  /** A PGlite of the caller's own instead, for adds inside its transactions; never closed. */
  readonly client?: PgliteLike | undefined
}

/** TLS of a Redis connection, as PEM text or `file://…`. */
export interface RedisTLSConfig {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Default `true`. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Where a Redis server is. */
export interface RedisConfig {
  /** `redis://` or, with TLS, `rediss://`; the other options win over its parts. */
  readonly url?: string | undefined
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Default 0. */
  readonly db?: number | undefined
  readonly tls?: RedisTLSConfig | undefined
  /**
   * Of a cluster, some nodes by which the others are found, in place of `url`, `host`, `port` and `db`: each connection goes to the node
   * that serves the slot of `keyPrefix` then.
   */
  readonly nodes?: readonly { readonly host: string; readonly port: number }[] | undefined
  /** Names the instance; all its keys share one hash tag. Default `dq:`. */
  readonly keyPrefix?: string | undefined
}

/** Redis 7 or later, or Valkey, from `@millrace/redis`: a connection of ours (`redisConfig`), or the caller's own (`client`). */
export interface RedisJobQueueConfig extends Omit<CommonConfig, 'schema' | 'with'> {
  readonly backend: 'redis'
  readonly redisConfig?: RedisConfig | undefined
  /** An ioredis client of the caller's own instead, for a server or a cluster: its options are taken over, and it is never closed. */
  readonly client?: unknown
  /** With `client`. Default `dq:`. */
  readonly keyPrefix?: string | undefined
  /** Work on a server that may delete jobs when its memory is full (`maxmemory-policy`). Default `false`: such a server is refused. */
  readonly allowEviction?: boolean | undefined
}

/** What `initJobQueue` takes: the settings of a backend, and what all of them share. */
export type JobQueueConfig = PostgresJobQueueConfig | PgliteJobQueueConfig | RedisJobQueueConfig

/** A configuration with every default in place. */
export interface ResolvedConfig {
  readonly given: JobQueueConfig
  readonly backend: 'postgres' | 'pglite' | 'redis'
  readonly migrate: 'auto' | 'check'
  readonly with: readonly CompatibilitySchema[]
  readonly leaseMs: number
  readonly listen: boolean
  readonly keepCompleted: boolean
  readonly codec: Codec
  readonly maxPayloadBytes: number
  readonly verbose: boolean
}

const COMMON_NAMES = [
  'backend',
  'client',
  'jobs',
  'schedules',
  'scheduleOwner',
  'migrate',
  'leaseMs',
  'listen',
  'keepCompletedJobs',
  'codec',
  'maxPayloadBytes',
  'verbose',
]
const SQL_NAMES: ReadonlySet<string> = new Set([...COMMON_NAMES, 'databaseConfig', 'pool', 'dataDir', 'schema', 'with'])
const REDIS_NAMES: ReadonlySet<string> = new Set([...COMMON_NAMES, 'redisConfig', 'keyPrefix', 'allowEviction'])

/** Options that say which database is meant, or of which kind. */
const PLACES = ['backend', 'databaseConfig', 'pool', 'dataDir', 'client', 'redisConfig', 'keyPrefix', 'allowEviction']

/**
 * What `initJobQueue` will open. Where no database is named, and no backend: `DATABASE_URL`, else the embedded database under
 * `./.millrace`.
 *
 * @throws MillraceError `CONFIG_INVALID` or `OPTION_INVALID`
 */
export function resolveConfig(config: JobQueueConfig | undefined, env: NodeJS.ProcessEnv): ResolvedConfig {
  if (config !== undefined && (typeof config !== 'object' || config === null))
    refuseOption('config', config, 'an object', 'Leave it out for the embedded database')
  const given = config === undefined || namesNoPlace(config) ? { ...config, ...defaultPlace(env) } : config
  const backend: unknown = given.backend ?? 'postgres'
  if (backend !== 'postgres' && backend !== 'pglite' && backend !== 'redis') {
    throw new MillraceError('CONFIG_INVALID', `Unknown backend: ${String(backend)}`, {
      details: { field: 'backend', value: backend, remedy: "Use 'postgres', 'pglite' or 'redis'" },
    })
  }
  refuseWithoutServer(given)
  checkNames({ ...given }, backend === 'redis' ? REDIS_NAMES : SQL_NAMES)
  return { given, backend, ...checkedCommon(given) }
}

function refuseWithoutServer(given: JobQueueConfig): void {
  if (given.backend === 'pglite') {
    checkFolder(given.dataDir)
    return
  }
  if (given.backend === 'redis') {
    if (given.redisConfig || given.client) return
    const message = 'Redis backend requires either "redisConfig" or "client" to be provided.'
    throw new MillraceError('CONFIG_INVALID', message, {
      details: { field: 'redisConfig', remedy: 'Pass one of them' },
    })
  }
  if (given.databaseConfig || given.pool) return
  throw new MillraceError(
    'CONFIG_INVALID',
    'PostgreSQL backend requires either "databaseConfig" or "pool" to be provided.',
    {
      details: {
        field: 'databaseConfig',
        remedy: 'Pass one of them; leave both and `backend` out for `DATABASE_URL`, else the embedded database',
      },
    },
  )
}

/** PGlite itself takes `memory://` and `idb://`; here it would be a folder of that name. */
function checkFolder(dataDir: unknown): void {
  if (dataDir === undefined || (typeof dataDir === 'string' && dataDir !== '' && !/^[a-z]+:\/\//i.test(dataDir))) return
  const remedy = "Pass a folder; for a database that leaves nothing behind use `createTestQueue` of 'millrace/testing'"
  throw new MillraceError('CONFIG_INVALID', `\`dataDir\` must be the path of a folder. ${remedy}.`, {
    details: { field: 'dataDir', value: dataDir, remedy },
  })
}

/** An option that is there counts though it is `undefined`: whoever wrote it meant a database of theirs, not just any. */
function namesNoPlace(config: JobQueueConfig): config is PostgresJobQueueConfig {
  return !PLACES.some((name) => name in config)
}

function defaultPlace(env: NodeJS.ProcessEnv): PostgresJobQueueConfig | PgliteJobQueueConfig {
  const url = env['DATABASE_URL']
  return url ? { databaseConfig: { connectionString: url } } : { backend: 'pglite' }
}

function checkedCommon(given: CommonConfig): Omit<ResolvedConfig, 'given' | 'backend'> {
  const {
    migrate = 'auto',
    leaseMs = DEFAULTS.processor.leaseMs,
    codec = 'json',
    maxPayloadBytes = DEFAULTS.maxPayloadBytes,
  } = given
  checkDeclared(given)
  if (migrate !== 'auto' && migrate !== 'check')
    refuseOption('migrate', migrate, "'auto' or 'check'", "Leave it out for 'auto'")
  if (codec !== 'json' && codec !== 'rich') refuseOption('codec', codec, "'json' or 'rich'", "Leave it out for 'json'")
  checkInteger('leaseMs', leaseMs, { min: 2000, max: 86_400_000, remedy: 'Leave it out for 30000 milliseconds' })
  checkInteger('maxPayloadBytes', maxPayloadBytes, { min: 2, max: 200_000_000, remedy: 'Leave it out for 1048576' })
  for (const name of ['listen', 'keepCompletedJobs', 'verbose'] as const) {
    const value = given[name]
    if (value !== undefined && typeof value !== 'boolean')
      refuseOption(name, value, 'a boolean', 'Leave it out for the default')
  }
  return {
    migrate,
    with: checkedSchemas(given.with),
    leaseMs,
    codec,
    maxPayloadBytes,
    listen: given.listen ?? true,
    keepCompleted: given.keepCompletedJobs ?? true,
    verbose: given.verbose ?? false,
  }
}

function checkDeclared({ schedules, scheduleOwner }: CommonConfig): void {
  if (schedules !== undefined) checkDeclarations(schedules)
  if (scheduleOwner !== undefined) checkText('scheduleOwner', scheduleOwner)
}

function checkedSchemas(also: CommonConfig['with'] = []): readonly CompatibilitySchema[] {
  const names: unknown = also
  if (!Array.isArray(names) || !names.every((name) => name === 'app_jobs')) {
    refuseOption('with', also, "`['app_jobs']`", 'Leave it out for none')
  }
  return also
}

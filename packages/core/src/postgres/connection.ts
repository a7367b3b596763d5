import { MillraceError } from '../errors.ts'
import { queryOf, schemaFromSearchPath, searchPathOf, searchPathOption, withoutParameters } from './search-path.ts'
import { resolveTls, TLS_PARAMETERS } from './tls.ts'
import type { DatabaseSsl, Environment, TlsSettings } from './tls.ts'

/**
 * How to reach PostgreSQL. What is absent comes from the variables of libpq (`PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`,
 * `PGPASSWORD`). Every other setting of `pg.Pool`, such as `statement_timeout` or `maxUses`, is handed on unchanged.
 */
export interface DatabaseConfig {
  /** A `postgres://` URL. What it names wins over the fields beside it. */
  readonly connectionString?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly database?: string | undefined
  readonly user?: string | undefined
  /** A function is asked for every new connection, for passwords that change; it also rules out the heartbeat thread. */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** Connections the pool opens at most, 1 to 10,000. Default 10. */
  readonly max?: number | undefined
  /** Idle connections the pool keeps. Default 0. */
  readonly min?: number | undefined
  /** An idle connection is closed after this long. 0: never. Default 10,000. */
  readonly idleTimeoutMillis?: number | undefined
  /**
   * How long a statement waits for a connection. Default 10,000. 0, which means for ever to `pg`, is taken as 60,000:
   * nothing here waits without a limit.
   */
  readonly connectionTimeoutMillis?: number | undefined
  /** `true` or an object: TLS, verified. Absent: as `sslmode` in the URL or `PGSSLMODE` says, else none. */
  readonly ssl?: boolean | DatabaseSsl | undefined
  /** Shown in `pg_stat_activity`. Default `millrace`. */
  readonly application_name?: string | undefined
  /** Whether TCP keep-alive is on. Default `true`. */
  readonly keepAlive?: boolean | undefined
  /** Start-up options such as `-c statement_timeout=5000`. A `search_path` in them counts as one in the URL. */
  readonly options?: string | undefined
}

/** Settings for `pg.Pool` and `pg.Client`, fully resolved: no file or variable of TLS is left to read. */
export interface PoolSettings {
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  readonly password?: string | (() => string | Promise<string>)
  readonly ssl?: TlsSettings | false
  readonly options?: string
  readonly sslnegotiation?: 'direct'
  readonly max: number
  readonly min: number
  readonly idleTimeoutMillis: number
  readonly connectionTimeoutMillis: number
  readonly keepAlive: boolean
  readonly keepAliveInitialDelayMillis: number
  readonly application_name: string
}

export interface ResolvedConnection {
  readonly pool: PoolSettings
  /** The first entry of the URL's `search_path`, if it has one; not yet checked by `validateSchemaName`. */
  readonly schema: string | undefined
  /** What the user should be told once. */
  readonly warnings: readonly string[]
}

/**
 * Settings for `pg`, from what the user gave and the environment.
 *
 * A `search_path` in the URL is set when a connection starts, through the start-up option of the protocol: no further
 * round trip, and a pooler that cannot keep it refuses instead of handing it to other clients.
 *
 * @throws MillraceError `CONFIG_INVALID` naming the field at fault.
 */
export function resolveConnection(config: DatabaseConfig, env: Environment = process.env): ResolvedConnection {
  checkFields(config, env)
  const url = config.connectionString || undefined
  const { tls, warning } = resolveTls(config.ssl, url, env)
  const searchPath = searchPathOf(url ?? '', config.options)
  const pool: PoolSettings = {
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: applicationName(url, env),
    ...withoutResolved(config),
    ...limits(config),
    ...(tls === undefined ? {} : { ssl: tls }),
    ...address(url, tls !== undefined),
    ...startupOptions(url, config.options, searchPath),
  }
  return { pool, schema: schemaFromSearchPath(searchPath), warnings: warning === undefined ? [] : [warning] }
}

/**
 * The options of a connection as plain data that can be sent to a thread; `null` if they hold a function, such as a
 * password that is asked for.
 */
export function heartbeatConnection(settings: PoolSettings): Readonly<Record<string, unknown>> | null {
  const { max: _max, min: _min, idleTimeoutMillis: _idle, ...connection } = settings
  // pg hides `ssl.key` in the objects it is given, and what is hidden does not reach a thread: copied afresh.
  const copy = { ...connection, ...(settings.ssl ? { ssl: copyOfTls(settings.ssl) } : {}) }
  try {
    return structuredClone(copy)
  } catch {
    return null
  }
}

/** `tls` in an object of its own, with the key that pg may have hidden in `tls`. */
export function copyOfTls(tls: TlsSettings): TlsSettings {
  return { ...tls, ...(tls.key === undefined ? {} : { key: tls.key }) }
}

/** The longest wait for a connection, where the user asked for an endless one. */
const LONGEST_WAIT_MS = 60_000

const STRINGS = ['connectionString', 'host', 'database', 'user', 'application_name', 'options'] as const
/** Inclusive ranges of the numbers. */
const NUMBERS = {
  port: [1, 65_535],
  max: [1, 10_000],
  min: [0, 10_000],
  idleTimeoutMillis: [0, 2_147_483_647],
  connectionTimeoutMillis: [0, 2_147_483_647],
} as const

function checkFields(config: DatabaseConfig, env: Environment): void {
  for (const name of STRINGS) {
    const value: unknown = config[name]
    if (value !== undefined && typeof value !== 'string') throw invalid(name, value, 'Give a string.')
  }
  checkNumbers(config)
  const password: unknown = config.password
  if (password !== undefined && typeof password !== 'string' && typeof password !== 'function') {
    throw invalid('password', typeof password, 'Give a string, or a function that returns one.')
  }
  if (config.connectionString) checkUrl(config.connectionString)
  else if ('connectionString' in config && !namesServer(config, env)) {
    throw invalid('connectionString', config.connectionString, 'Set the variable it is taken from, or give `host`.')
  }
}

function checkNumbers(config: DatabaseConfig): void {
  const values = new Map<string, unknown>(Object.entries(config))
  for (const [name, [least, most]] of Object.entries(NUMBERS)) {
    const value = values.get(name)
    if (value === undefined) continue
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) continue
    throw invalid(name, value, `Give an integer from ${least} to ${most}.`)
  }
  if (config.min !== undefined && config.min > (config.max ?? 10))
    throw invalid('min', config.min, 'Give at most `max`.')
}

function namesServer(config: DatabaseConfig, env: Environment): boolean {
  return [config.host, config.database, config.user, env['PGHOST'], env['PGDATABASE'], env['PGUSER']].some(Boolean)
}

/** Refuses what is no address at all; the message never repeats it, for it may hold a password. */
function checkUrl(url: string): void {
  if (/^(postgres|postgresql|socket):|^\//.test(url)) return
  const field = 'databaseConfig.connectionString'
  const remedy = 'Give a URL such as postgres://user:password@host:5432/database.'
  throw new MillraceError('CONFIG_INVALID', `\`${field}\` is not a PostgreSQL URL. ${remedy}`, {
    details: { field, remedy },
  })
}

/** What pg understands as it is, without `undefined`, which it would not always take for absent. */
function withoutResolved(config: DatabaseConfig): Partial<PoolSettings> {
  const { ssl: _ssl, connectionString: _url, options: _options, ...rest } = config
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
}

function limits(
  config: DatabaseConfig,
): Pick<PoolSettings, 'max' | 'min' | 'idleTimeoutMillis' | 'connectionTimeoutMillis'> {
  return {
    max: config.max ?? 10,
    min: config.min ?? 0,
    idleTimeoutMillis: config.idleTimeoutMillis ?? 10_000,
    connectionTimeoutMillis: (config.connectionTimeoutMillis ?? 10_000) || LONGEST_WAIT_MS,
  }
}

function applicationName(url: string | undefined, env: Environment): string {
  return queryOf(url ?? '').get('application_name') ?? (env['PGAPPNAME'] || 'millrace')
}

/** The URL without what is settled already: pg lets a parameter of the URL replace the setting of the same name. */
function address(
  url: string | undefined,
  tlsIsSettled: boolean,
): Pick<PoolSettings, 'connectionString' | 'sslnegotiation'> {
  if (url === undefined) return {}
  const parameters = ['search_path', 'options', ...(tlsIsSettled ? TLS_PARAMETERS : [])]
  const connectionString = withoutParameters(url, new Set(parameters))
  const isDirect = tlsIsSettled && queryOf(url).get('sslnegotiation') === 'direct'
  return isDirect ? { connectionString, sslnegotiation: 'direct' } : { connectionString }
}

function startupOptions(
  url: string | undefined,
  beside: string | undefined,
  searchPath: readonly string[] | undefined,
): Pick<PoolSettings, 'options'> {
  const given = queryOf(url ?? '').get('options') ?? beside ?? ''
  // Of two equal options the last holds, so ours may follow one in `given`.
  const options = [given, ...(searchPath === undefined ? [] : [searchPathOption(searchPath)])].join(' ').trim()
  return options === '' ? {} : { options }
}

function invalid(field: string, value: unknown, remedy: string): MillraceError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return new MillraceError('CONFIG_INVALID', `\`databaseConfig.${field}\` cannot be ${shown}. ${remedy}`, {
    details: { field: `databaseConfig.${field}`, value, remedy },
  })
}

export { schemaFromUrl, validateSchemaName } from './search-path.ts'
export type { DatabaseSsl } from './tls.ts'

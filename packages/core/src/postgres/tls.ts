import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../errors.ts'
import { queryOf } from './search-path.ts'

/** TLS towards PostgreSQL. Each text falls back to its variable when it is absent or empty. */
export interface DatabaseSsl {
  /** Certificates to trust instead of Node's own: PEM text, or `file:///path`. Falls back to `PGSSLROOTCERT`. */
  readonly ca?: string | undefined
  /** The client's certificate: PEM text, or `file:///path`. Falls back to `PGSSLCERT`. */
  readonly cert?: string | undefined
  /** The client's private key: PEM text, or `file:///path`. Falls back to `PGSSLKEY`. */
  readonly key?: string | undefined
  /** Whether the server's certificate is verified. Default `true`, or `false` under `sslmode=no-verify`. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** TLS options as Node takes them, every file read. */
export interface TlsSettings {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
}

/** Parameters of a URL that are settled here, so that pg must not see them: they would replace what we resolved. */
export const TLS_PARAMETERS: ReadonlySet<string> = new Set([
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
])

/** What was resolved: `tls` is `undefined` when pg should decide by itself, and the URL must then stay as it is. */
export interface ResolvedTls {
  readonly tls: TlsSettings | false | undefined
  readonly warning?: string
}

/**
 * TLS as `ssl`, the URL and the environment together ask for it. An `ssl` object wins over `sslmode`: with pg alone the
 * mode would silently replace the object, custom certificates included.
 *
 * @throws MillraceError `CONFIG_INVALID` for a text that is no PEM, or a file that cannot be read.
 */
export function resolveTls(ssl: unknown, url: string | undefined, env: Environment): ResolvedTls {
  const query = queryOf(url ?? '')
  const given = sslObject(ssl)
  if (given === undefined && query.get('uselibpqcompat') === 'true') return { tls: undefined }
  const mode = modeOf(query, env)
  if (given === undefined) {
    if (mode === undefined) return { tls: ssl === false ? false : undefined }
    if (mode === 'disable') return { tls: false }
    if (!MODES_WITH_TLS.has(mode)) return { tls: undefined }
  }
  const options = given ?? {}
  const texts = withoutUndefined({
    ca: pem(options['ca'], 'ca', env['PGSSLROOTCERT'], query.get('sslrootcert')),
    cert: pem(options['cert'], 'cert', env['PGSSLCERT'], query.get('sslcert')),
    key: pem(options['key'], 'key', env['PGSSLKEY'], query.get('sslkey')),
  })
  const { ca: _ca, cert: _cert, key: _key, ...others } = options
  const tls: TlsSettings = { ...others, ...texts, rejectUnauthorized: rejectUnauthorized(options, mode) }
  const ignored = given === undefined || texts.ca === undefined ? null : query.get('sslmode')
  return ignored === null ? { tls } : { tls, warning: modeIgnored(ignored) }
}

/** The modes that mean a verified connection to pg 8, and keep meaning it here whatever pg 9 makes of them. */
const MODES_WITH_TLS: ReadonlySet<string> = new Set(['prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'])

function sslObject(ssl: unknown): Readonly<Record<string, unknown>> | undefined {
  if (ssl === undefined || ssl === null || ssl === false) return undefined
  if (ssl === true) return {}
  if (typeof ssl !== 'object') throw invalid('ssl', ssl, 'Give an object such as `{ ca }`, `true` or `false`.')
  // Absent and undefined are the same here, so that `ca: process.env.CA` falls back.
  return withoutUndefined(Object.fromEntries(Object.entries(ssl)))
}

/** The mode of the URL, else of the environment; a URL that names certificates asks for TLS without naming a mode. */
function modeOf(query: URLSearchParams, env: Environment): string | undefined {
  const mode = query.get('sslmode')
  if (mode !== null) return mode
  if (query.has('sslrootcert') || query.has('sslcert') || query.has('sslkey')) return 'verify-full'
  const flag = query.get('ssl')
  if (flag === null) return env['PGSSLMODE'] || undefined
  if (flag === 'true' || flag === '1') return 'verify-full'
  if (flag === 'false' || flag === '0') return 'disable'
  return flag
}

function rejectUnauthorized(options: Readonly<Record<string, unknown>>, mode: string | undefined): boolean {
  const value = options['rejectUnauthorized']
  if (typeof value === 'boolean') return value
  if (value !== undefined) throw invalid('ssl.rejectUnauthorized', value, 'Give `true` or `false`.')
  return mode !== 'no-verify'
}

/**
 * PEM text from, in this order: the option, the URL (a path, as libpq has it), the variable (PEM text, `file://`, or a
 * path, as libpq has it).
 */
function pem(option: unknown, name: string, variable: string | undefined, path: string | null): string | undefined {
  const field = `ssl.${name}`
  if (option !== undefined && option !== '') {
    if (typeof option !== 'string') throw invalid(field, option, PEM_REMEDY)
    return option.startsWith('file://') ? readPem(fileURLToPath(option), field) : pemText(option, field)
  }
  // libpq's `system` asks for the certificates of the system, which is what Node trusts anyway.
  if (path !== null && path !== '') return path === 'system' ? undefined : readPem(path, field)
  if (variable === undefined || variable === '' || variable === 'system') return undefined
  if (variable.startsWith('file://')) return readPem(fileURLToPath(variable), field)
  return variable.includes('-----BEGIN') ? pemText(variable, field) : readPem(variable, field)
}

const PEM_REMEDY = 'Give PEM text (`-----BEGIN ...`), or `file:///absolute/path`.'

function pemText(text: string, field: string): string {
  if (!text.includes('-----BEGIN')) throw invalid(field, '(not PEM)', PEM_REMEDY)
  // Variables of many hosts hold the text on one line, with `\n` spelled out.
  return text.includes('\n') ? text : text.replaceAll('\\n', '\n')
}

function readPem(path: string, field: string): string {
  let text: string
  try {
    text = fs.readFileSync(path, 'utf8')
  } catch (cause) {
    throw invalid(field, path, 'Give the path of a file that this process can read.', cause)
  }
  return pemText(text, field)
}

function modeIgnored(mode: string): string {
  return (
    `millrace: the connection URL has \`sslmode=${mode}\` while \`databaseConfig.ssl\` brings its own certificates. ` +
    'The certificates are used and `sslmode` is ignored; remove it from the URL.'
  )
}

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key in object) {
    const value = object[key]
    if (isDefined(value)) kept[key] = value
  }
  return kept
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined
}

function invalid(field: string, value: unknown, remedy: string, cause?: unknown): MillraceError {
  const shown = typeof value === 'string' ? value : typeof value
  return new MillraceError('CONFIG_INVALID', `\`databaseConfig.${field}\` cannot be used: ${shown}. ${remedy}`, {
    cause,
    details: { field: `databaseConfig.${field}`, remedy },
  })
}

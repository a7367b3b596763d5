import { MillraceError } from '../errors.ts'

/**
 * The schema a URL asks for: the first entry of `search_path` in its query, or of `-c search_path=` in its `options`.
 * Unquoted names are folded to lower case, as the server does. `undefined` if there is none, or if the first entry is
 * `$user`. Not yet checked by `validateSchemaName`.
 *
 * @throws MillraceError `CONFIG_INVALID` if the search path is not a list of identifiers.
 */
export function schemaFromUrl(url: string): string | undefined {
  return schemaFromSearchPath(searchPathOf(url))
}

/** The schema that a search path stands for; see `schemaFromUrl`. */
export function schemaFromSearchPath(entries: readonly string[] | undefined): string | undefined {
  const first = entries?.[0]
  return first === '$user' ? undefined : first
}

/**
 * `name` itself, if it can name the schema of an instance: 1 to 48 bytes of letters, digits, `_`, `-`, `.`, `"`, `$` (once:
 * two could end the quotes of a function's body) and inner spaces. The limit leaves room for derived names within
 * PostgreSQL's 63 bytes.
 *
 * @throws MillraceError `CONFIG_INVALID` otherwise, and for names the server keeps for itself.
 */
export function validateSchemaName(name: string): string {
  const isTaken = name.startsWith('pg_') || name === 'information_schema'
  if (SCHEMA_NAME.test(name) && !/\$.*\$/.test(name) && Buffer.byteLength(name) <= 48 && !isTaken) return name
  throw new MillraceError('CONFIG_INVALID', `\`schema\` cannot be ${JSON.stringify(name)}.`, {
    details: {
      field: 'schema',
      value: name,
      remedy: 'Use 1 to 48 letters, digits, `_`, `-`, `.`, `"`, spaces or one `$`, and no name that begins with `pg_`.',
    },
  })
}

/**
 * All entries of a URL's search path, unquoted, in order; `undefined` if it sets none. `options` are start-up options
 * given beside the URL, which hold where it has none.
 */
export function searchPathOf(url: string, options = ''): readonly string[] | undefined {
  const query = queryOf(url)
  const text = query.get('search_path') ?? searchPathInOptions(query.get('options') ?? options)
  return text === undefined || text.trim() === '' ? undefined : parseIdentifiers(text)
}

/** The start-up option that sets `entries` as search path: every entry quoted, then escaped for the options' splitter. */
export function searchPathOption(entries: readonly string[]): string {
  const list = entries.map((entry) => `"${entry.replaceAll('"', '""')}"`).join(',')
  return `-c search_path=${list.replace(/[\s\\]/g, '\\$&')}`
}

/** The query parameters of a PostgreSQL URL, decoded. Empty for a socket path. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?')
  if (start === -1 || url.startsWith('/')) return new URLSearchParams()
  return new URLSearchParams(url.slice(start + 1).split('#', 1)[0])
}

/** `url` without the query parameters `names`; everything else stays as it was written. */
export function withoutParameters(url: string, names: ReadonlySet<string>): string {
  const start = url.indexOf('?')
  if (start === -1 || url.startsWith('/')) return url
  const query = url.slice(start + 1).split('#', 1)[0] ?? ''
  const kept = query
    .split('&')
    .filter((part) => part !== '' && ![...new URLSearchParams(part).keys()].some((name) => names.has(name)))
  return kept.length === 0 ? url.slice(0, start) : `${url.slice(0, start)}?${kept.join('&')}`
}

/**
 * Letters and digits of any script and a few signs, beginning and ending with something visible. What the SQL templates
 * cannot carry is not among them: `'` and `\` (literals), `%` (formats), `:` (the templates' own names).
 */
const SCHEMA_NAME = /^[\p{L}\p{N}_.$"-]([\p{L}\p{N}_.$" -]*[\p{L}\p{N}_.$"-])?$/u

/** Splits as PostgreSQL's `pg_split_opts` does: at white space, a backslash keeps the next character. */
function searchPathInOptions(options: string): string | undefined {
  const words = (options.match(/(?:\\[\s\S]|[^\s\\])+/g) ?? []).map((word) => word.replace(/\\([\s\S])/g, '$1'))
  let found: string | undefined
  words.forEach((word, index) => {
    const setting =
      word === '-c' ? words[index + 1] : word.startsWith('-c') || word.startsWith('--') ? word.slice(2) : undefined
    const match = setting === undefined ? null : /^search[_-]path=([\s\S]*)$/.exec(setting)
    if (match !== null) found = match[1]
  })
  return found
}

/** Reads `a, "B c"` as PostgreSQL does: unquoted names are folded, a doubled quote stands for one. */
function parseIdentifiers(text: string): readonly string[] {
  const entries: string[] = []
  const pattern = /\s*(?:"((?:[^"]|"")+)"|([^\s",]+))\s*(,|$)/y
  for (;;) {
    const match = pattern.exec(text)
    if (match === null) throw invalidSearchPath(text)
    const [, quoted, plain, separator] = match
    const name = quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"')
    if (name.includes('\0')) throw invalidSearchPath(text)
    entries.push(name)
    if (separator === '') return entries
  }
}

function invalidSearchPath(text: string): MillraceError {
  return new MillraceError(
    'CONFIG_INVALID',
    `The \`search_path\` of the connection URL is not a list of names: ${JSON.stringify(text)}.`,
    {
      details: {
        field: 'databaseConfig.connectionString',
        remedy: 'Separate schema names by commas; put names with spaces or capitals in double quotes.',
      },
    },
  )
}

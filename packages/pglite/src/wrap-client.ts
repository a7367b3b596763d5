import { MillraceError } from 'millrace'
import type { Executor, QueryOptions, Row } from 'millrace/postgres'
import { encodeValues } from './parameters.ts'
import { textParsers } from './rows.ts'

interface PGliteQueryOptions {
  readonly rowMode: 'array'
  readonly parsers: Record<number, (text: string) => unknown>
  readonly serializers: Record<number, (value: unknown) => string>
}

/** The part of a PGlite instance that Millrace uses; the instance stays its owner's, who also closes it. */
export interface PGliteLike {
  query(text: string, values?: unknown[], options?: PGliteQueryOptions): Promise<{ rows: unknown[] }>
  exec(text: string): Promise<unknown>
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>
}

const DEFAULT_STATEMENT_MS = 30_000
/** Types below this oid are PostgreSQL's own; PGlite would parse some of them into objects that cannot be exact. */
const CATALOG_TYPES = 'select oid::int4 from pg_type where oid < 16384'

/**
 * An `Executor` on a PGlite instance of the caller's. Statements run on the caller's thread and block it; nothing here
 * locks the directory, turns fsync on or vacuums. Use `openEmbedded` unless the instance has to be shared with the
 * application's own queries. `close` leaves the instance open.
 */
export function wrapClient(pglite: PGliteLike): Executor & { readonly listen: NonNullable<Executor['listen']> } {
  let options: Promise<PGliteQueryOptions> | null = null
  const query = async (text: string, values: readonly unknown[]): Promise<readonly Row[]> => {
    options ??= textOptions(pglite)
    const { rows } = await pglite.query(text, encodeValues(values), await options)
    return rows.map(toRow)
  }
  return {
    kind: 'pglite',
    parallelism: 1,
    query: (text, values = [], queryOptions) => withinLimit(query(text, values), queryOptions),
    script: async (text, queryOptions) => void (await withinLimit(pglite.exec(text), queryOptions)),
    listen: async ({ channel, onNotify, onError, signal }) => {
      if (signal.aborted) return
      const unlisten = await pglite.listen(`"${channel.replaceAll('"', '""')}"`, onNotify)
      signal.addEventListener('abort', () => void unlisten().catch(onError), { once: true })
    },
    close: async () => undefined,
  }
}

/** Text in, text out: every type of the catalog is told so, since PGlite merges these tables with its own. */
async function textOptions(pglite: PGliteLike): Promise<PGliteQueryOptions> {
  const identity = (value: unknown): string => String(value)
  const { rows } = await pglite.query(CATALOG_TYPES, [], { rowMode: 'array', parsers: {}, serializers: {} })
  const oids = rows.map((row) => Number(toRow(row)[0]))
  return {
    rowMode: 'array',
    parsers: textParsers(oids),
    serializers: Object.fromEntries(oids.map((oid) => [oid, identity])),
  }
}

function toRow(row: unknown): Row {
  if (!Array.isArray(row)) throw new TypeError('PGlite returned a row that is not an array')
  return row
}

async function withinLimit<T>(work: Promise<T>, { timeoutMs = DEFAULT_STATEMENT_MS }: QueryOptions = {}): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `PGlite has not answered within ${timeoutMs} ms; it cannot cancel a statement, so the outcome is unknown`
      reject(new MillraceError('STORE_TIMEOUT', message))
    }, timeoutMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

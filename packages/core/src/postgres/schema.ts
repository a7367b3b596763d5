import { createHash } from 'node:crypto'
import type { Executor, QueryOptions, Row } from './executor.ts'
import { classify, type StoreFailure, toMillraceError } from './sqlstate.ts'

/** Writes a SQL template for one instance: `:schema` is the quoted schema, `:rawschema` its name, `:channel` its channel. */
export type SqlWriter = (template: string) => string

/**
 * The channel an instance notifies on. A channel name holds 63 bytes, so a long schema name is shortened to a digest.
 */
export function channelOf(schema: string): string {
  const name = `millrace_${schema}`
  return name.length <= 60 && /^[a-z0-9_]+$/.test(name)
    ? name
    : `millrace_${createHash('sha256').update(schema).digest('hex').slice(0, 32)}`
}

/** @param schema - Already checked by `validateSchemaName`: nothing that would end a literal, a format or a body. */
export function sqlWriter(schema: string): SqlWriter {
  const written = new Map<string, string>()
  const quoted = `"${schema.replaceAll('"', '""')}"`
  const channel = channelOf(schema)
  return (template) => {
    const known = written.get(template)
    if (known !== undefined) return known
    // By functions, since `$` has a meaning in a replacement text.
    const sql = template
      .replaceAll(':schema', () => quoted)
      .replaceAll(':rawschema', () => schema)
      .replaceAll(':channel', channel)
    // Templates are constants of this package plus the shapes of filters, so the map stays small; a flood would be a bug.
    if (written.size < 2000) written.set(template, sql)
    return sql
  }
}

const MOST_REPEATS = 10
/** Each repeat may itself wait for a lock for 20 s. */
const CONFLICT_LIMIT_MS = 20_000
const LONGEST_PAUSE_MS = 250
const READ_LIMIT_MS = 2000

/**
 * What `run` answers once it no longer fails for a deadlock or a serialization failure; any other `error` is thrown on. Such a
 * statement had no effect and succeeds a moment later. Our own statements take locks in one order, but a role may run them at a
 * stricter isolation level, and a caller's transaction may hold rows in any order.
 */
export function repeatConflict<T>(error: unknown, run: () => Promise<T>): Promise<T> {
  return repeat(error, run, { failures: ['conflict'], withinMs: CONFLICT_LIMIT_MS })
}

async function repeat<T>(
  error: unknown,
  run: () => Promise<T>,
  { failures, withinMs }: { readonly failures: readonly StoreFailure[]; readonly withinMs: number },
): Promise<T> {
  const endsAt = performance.now() + withinMs
  let last = error
  for (let repeats = 0; repeats < MOST_REPEATS && failures.includes(classify(last)); repeats++) {
    if (performance.now() > endsAt) break
    await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** repeats))
    try {
      return await run()
    } catch (next) {
      last = next
    }
  }
  throw last
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs)
  })
}

/** One instance on one executor: what every verb of this store works with. */
export class Database {
  readonly executor: Executor
  readonly schema: string
  readonly channel: string
  readonly sql: SqlWriter

  constructor(executor: Executor, schema: string) {
    this.executor = executor
    this.schema = schema
    this.channel = channelOf(schema)
    this.sql = sqlWriter(schema)
  }

  query(template: string, values?: readonly unknown[], options?: QueryOptions): Promise<readonly Row[]> {
    const sql = this.sql(template)
    const run = (): Promise<readonly Row[]> => this.executor.query(sql, values, options)
    return run().catch((error: unknown) =>
      repeatConflict(error, run).catch((last: unknown) => {
        // An embedded database throws its own errors: unclassified, what it refuses for good would be sent again for ever.
        throw toMillraceError(last, sql)
      }),
    )
  }

  /**
   * A query that writes nothing. It is repeated on another connection when it meets one that is gone, as after a failover, which
   * leaves a pool full of dead ones. A server that stays away for two seconds is an error.
   */
  async read(template: string, values?: readonly unknown[], options?: QueryOptions): Promise<readonly Row[]> {
    const run = (): Promise<readonly Row[]> => this.query(template, values, options)
    return run().catch((error: unknown) => repeat(error, run, { failures: ['unavailable'], withinMs: READ_LIMIT_MS }))
  }

  /** The first column of the only row. */
  async value(template: string, values?: readonly unknown[], options?: QueryOptions): Promise<unknown> {
    const rows = await this.query(template, values, options)
    return rows[0]?.[0] ?? null
  }
}

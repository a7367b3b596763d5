import { isMillraceError, type JobQueue } from 'millrace'

/** Where the doctor looks with statements of its own. */
export interface Place {
  readonly queue: JobQueue
  readonly schema: string
  /** Whose rights are looked at; `undefined`: those of the role that is connected. */
  readonly role: string | undefined
}

export type Row = Readonly<Record<string, unknown>>

const TIME_LIMIT_MS = 60_000
/** Building an index takes as long as its table is large. */
const FIX_LIMIT_MS = 3_600_000

/** The rows of a statement, in which `:schema` is that of the instance. */
export async function ask({ queue, schema }: Place, sql: string, values: readonly unknown[]): Promise<readonly Row[]> {
  const text = sql.replaceAll(':schema', () => quoted(schema))
  const { rows } = await queue.transaction((tx) => tx.query(text, [...values]), { timeoutMs: TIME_LIMIT_MS })
  return rows
}

/** The same without opening the queue, which a role without rights cannot; on an embedded database every role can. */
export async function askAnyway(place: Place, sql: string, values: readonly unknown[]): Promise<readonly Row[]> {
  try {
    return (await place.queue.getPool().query(sql, [...values])).rows
  } catch (error) {
    if (!isMillraceError(error, 'FEATURE_UNSUPPORTED')) throw error
    return ask(place, sql, values)
  }
}

/** A statement that PostgreSQL does not take in a transaction; an embedded database has nobody that a plain one would keep waiting. */
export async function alone(queue: JobQueue, sql: string): Promise<void> {
  try {
    await queue.getPool().query(sql)
  } catch (error) {
    if (!isMillraceError(error, 'FEATURE_UNSUPPORTED')) throw error
    await queue.transaction((tx) => tx.query(sql.replace(' concurrently', '')), { timeoutMs: FIX_LIMIT_MS })
  }
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

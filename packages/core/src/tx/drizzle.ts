import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** The `tx` of `db.transaction(async (tx) => …)`, over any driver for PostgreSQL. */
export interface DrizzleTransaction {
  // `never`: its parameter is a class of its own, of which one method is called; see `statement`.
  readonly execute: (query: never) => PromiseLike<unknown>
}

/**
 * Adds jobs in a transaction of Drizzle: `queue.addJob(job, { db: fromDrizzle(tx) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for anything without `execute`
 */
export function fromDrizzle(tx: DrizzleTransaction): DatabaseClient {
  if (!hasMethod(tx, 'execute')) refuseHandle('fromDrizzle', tx, 'the `tx` of `db.transaction(async (tx) => …)`')
  return {
    async query(text, values = []) {
      return { rows: rowsOf(await tx.execute(statement(text, values) as never)) }
    },
  }
}

/**
 * A finished statement in the form `execute` asks for: it calls `getSQL().toQuery(…)` and takes text and parameters from
 * there, so that Drizzle's own `sql` is not needed here.
 */
function statement(sql: string, params: readonly unknown[]): object {
  const query = {
    getSQL: () => query,
    toQuery: () => ({ sql, params, typings: params.map(() => 'none') }),
  }
  return query
}

/** node-postgres and PGlite answer `{ rows }`, postgres.js the rows themselves. */
function rowsOf(result: unknown): unknown[] {
  if (Array.isArray(result)) return [...result]
  const rows: unknown = typeof result === 'object' && result !== null && 'rows' in result ? result.rows : undefined
  return Array.isArray(rows) ? rows : []
}

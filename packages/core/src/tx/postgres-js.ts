import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** The `tx` of `sql.begin(async (tx) => …)`, or of `tx.savepoint`. */
export interface PostgresJsTransaction {
  // A property, so that the library's overloads and its stricter parameter type are taken as they are.
  readonly unsafe: (
    text: string,
    values?: never[],
  ) => PromiseLike<readonly unknown[] & { readonly count: number | null }>
}

/**
 * Adds jobs in a transaction of postgres.js: `queue.addJob(job, { db: fromPostgresJs(tx) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for anything without `unsafe`
 */
export function fromPostgresJs(tx: PostgresJsTransaction): DatabaseClient {
  if (!hasMethod(tx, 'unsafe')) refuseHandle('fromPostgresJs', tx, 'the `tx` of `sql.begin(async (tx) => …)`')
  return {
    async query(text, values = []) {
      const rows = await tx.unsafe(text, values as never[])
      return { rows: [...rows], rowCount: rows.count }
    },
  }
}

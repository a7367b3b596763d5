import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** The `t` of `db.tx(async (t) => …)`. */
export interface PgPromiseTask {
  result(query: { text: string; values: unknown[] }): Promise<{ rows: unknown[]; rowCount: number | null }>
}

/**
 * Adds jobs in a transaction of pg-promise: `queue.addJob(job, { db: fromPgPromise(t) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for anything without `result`
 */
export function fromPgPromise(t: PgPromiseTask): DatabaseClient {
  if (!hasMethod(t, 'result')) refuseHandle('fromPgPromise', t, 'the `t` of `db.tx(async (t) => …)`')
  return {
    async query(text, values = []) {
      // The object form: otherwise the library writes the values into the text itself.
      const { rows, rowCount } = await t.result({ text, values })
      return { rows, rowCount }
    },
  }
}

import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** The `trx` of `db.transaction().execute(async (trx) => …)`, or a controlled transaction. */
export interface KyselyTransaction {
  // `never`: its parameter has a type of its own, made in `statement`.
  readonly executeQuery: (query: never) => Promise<{ readonly rows: unknown[] }>
  readonly isTransaction: boolean
}

/**
 * Adds jobs in a transaction of Kysely: `queue.addJob(job, { db: fromKysely(trx) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for anything that is not a transaction
 */
export function fromKysely(trx: KyselyTransaction): DatabaseClient {
  if (!hasMethod(trx, 'executeQuery') || trx.isTransaction === false) {
    refuseHandle('fromKysely', trx, 'the `trx` of `db.transaction().execute(async (trx) => …)`')
  }
  return {
    async query(text, values = []) {
      const { rows } = await trx.executeQuery(statement(text, values) as never)
      return { rows }
    },
  }
}

/** What `CompiledQuery.raw(text, values)` makes. */
function statement(sql: string, parameters: readonly unknown[]): object {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: 'millrace' },
  }
}

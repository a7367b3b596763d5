import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** The `trx` of `knex.transaction(async (trx) => …)`; Objection's is the same. */
export interface KnexTransaction {
  // Properties: the library's overloads take more than what is used here.
  readonly raw: (text: string, bindings: never) => PromiseLike<unknown>
  readonly isTransaction?: boolean
}

/**
 * Adds jobs in a transaction of Knex or Objection: `queue.addJob(job, { db: fromKnex(trx) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for anything that is not a transaction
 */
export function fromKnex(trx: KnexTransaction): DatabaseClient {
  if (!hasMethod(trx, 'raw') || trx.isTransaction !== true) {
    refuseHandle('fromKnex', trx, 'the `trx` of `knex.transaction(async (trx) => …)`')
  }
  return {
    async query(text, values = []) {
      const statement = questionMarks(text, values)
      const result = await trx.raw(statement.text, statement.values as never)
      const rows: unknown = typeof result === 'object' && result !== null && 'rows' in result ? result.rows : undefined
      return { rows: Array.isArray(rows) ? rows : [] }
    },
  }
}

/** Knex takes `?` for a value, and `\?` for a question mark. */
function questionMarks(text: string, values: readonly unknown[]): { text: string; values: unknown[] } {
  const inOrder: unknown[] = []
  const rewritten = text.replaceAll('?', String.raw`\?`).replaceAll(/\$(\d+)/g, (_, number: string) => {
    inOrder.push(values[Number(number) - 1])
    return '?'
  })
  return { text: rewritten, values: inOrder }
}

import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** A query runner of TypeORM: `dataSource.createQueryRunner()`. */
export interface TypeOrmQueryRunner {
  // Properties: the library's overloads differ in more than what is used here.
  readonly query: (
    text: string,
    values: unknown[],
    useStructuredResult: true,
  ) => Promise<{ raw: unknown; records: unknown[] }>
  readonly isTransactionActive: boolean
}

/** The entity manager of `dataSource.transaction(async (manager) => …)`, or a query runner. */
export type TypeOrmTransaction = TypeOrmQueryRunner | { readonly queryRunner?: TypeOrmQueryRunner | undefined }

/**
 * Adds jobs in a transaction of TypeORM: `queue.addJob(job, { db: fromTypeOrm(manager) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for a manager that is not in a transaction: `dataSource.manager` would add the job on
 *   another connection, whatever becomes of yours.
 */
export function fromTypeOrm(transaction: TypeOrmTransaction): DatabaseClient {
  const runner = transaction !== null && 'queryRunner' in transaction ? transaction.queryRunner : transaction
  if (!isQueryRunner(runner) || !runner.isTransactionActive) {
    return refuseHandle(
      'fromTypeOrm',
      transaction,
      'the `manager` of `dataSource.transaction(async (manager) => …)`, or a query runner whose transaction has begun',
    )
  }
  return {
    async query(text, values = []) {
      // The structured result: the plain one answers a count in place of rows for some statements.
      const { records } = await runner.query(text, values, true)
      return { rows: records }
    },
  }
}

function isQueryRunner(value: unknown): value is TypeOrmQueryRunner {
  return hasMethod(value, 'query') && typeof value === 'object' && value !== null && 'isTransactionActive' in value
}

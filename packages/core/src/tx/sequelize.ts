import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'

/** The `transaction` of `sequelize.transaction(async (transaction) => …)`. */
export interface SequelizeTransaction {
  /** Names the transaction at runtime; the library does not declare its `sequelize`. */
  readonly commit: () => Promise<void>
}

/**
 * Adds jobs in a transaction of Sequelize 6: `queue.addJob(job, { db: fromSequelize(transaction) })`.
 *
 * @throws MillraceError `OPTION_INVALID` for anything that is not a transaction
 */
export function fromSequelize(transaction: SequelizeTransaction): DatabaseClient {
  const sequelize: unknown =
    typeof transaction === 'object' && transaction !== null ? Reflect.get(transaction, 'sequelize') : undefined
  if (!canQuery(sequelize) || !hasMethod(transaction, 'commit')) {
    return refuseHandle(
      'fromSequelize',
      transaction,
      'the `transaction` of `sequelize.transaction(async (transaction) => …)`',
    )
  }
  return {
    async query(text, values = []) {
      // Without `transaction` it would silently run on another connection.
      const rows = await sequelize.query(text, { bind: values, transaction, type: 'SELECT', raw: true })
      return { rows: Array.isArray(rows) ? rows : [] }
    },
  }
}

interface Sequelize {
  query(text: string, options: object): Promise<unknown>
}

function canQuery(value: unknown): value is Sequelize {
  return hasMethod(value, 'query')
}

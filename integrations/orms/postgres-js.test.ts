import { fromPostgresJs } from 'millrace/tx'
import postgres from 'postgres'
import { applicationName, describeOrm } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

function transaction(tx: postgres.TransactionSql): OrmTransaction {
  return {
    db: fromPostgresJs(tx),
    run: (sql) => tx.unsafe(sql),
    async nested(fn) {
      await tx.savepoint((inner) => fn(transaction(inner)))
    },
  }
}

describeOrm(
  'postgres.js',
  async (url) => {
    const sql = postgres(url, { max: 2, connection: { application_name: applicationName('postgres.js') } })
    return {
      async transaction<T>(fn: (tx: OrmTransaction) => Promise<T>, isolation?: 'serializable') {
        const results: T[] = []
        const run = async (tx: postgres.TransactionSql): Promise<void> => {
          results.push(await fn(transaction(tx)))
        }
        await (isolation === undefined ? sql.begin(run) : sql.begin(`isolation level ${isolation}`, run))
        return only(results)
      },
      close: () => sql.end(),
    }
  },
  { diesWithConnection: true },
)

function only<T>(results: readonly T[]): T {
  if (results.length !== 1) throw new Error(`the transaction ran ${results.length} times`)
  const [result] = results as [T]
  return result
}

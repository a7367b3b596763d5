import pgPromise from 'pg-promise'
import type { IDatabase, ITask } from 'pg-promise'
import { fromPgPromise } from 'millrace/tx'
import { describeOrm, named } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

type Connected = ReturnType<typeof connect>

function connect(url: string): { readonly db: IDatabase<object>; readonly serializable: unknown } {
  const pgp = pgPromise({ noWarnings: true })
  const serializable = new pgp.txMode.TransactionMode({ tiLevel: pgp.txMode.isolationLevel.serializable })
  return { db: pgp({ connectionString: url, max: 2 }), serializable }
}

function transaction(t: ITask<object>): OrmTransaction {
  return {
    db: fromPgPromise(t),
    run: (sql) => t.any(sql),
    nested: (fn) => t.tx((inner) => fn(transaction(inner))),
  }
}

describeOrm('pg-promise', async (url) => {
  const { db, serializable }: Connected = connect(named(url, 'pg-promise'))
  return {
    transaction: (fn, isolation) =>
      db.tx(isolation === undefined ? {} : { mode: serializable as never }, (t) => fn(transaction(t))),
    close: () => db.$pool.end(),
  }
})

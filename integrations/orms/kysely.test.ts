import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely'
import type { Transaction } from 'kysely'
import { fromKysely } from 'millrace/tx'
import pg from 'pg'
import { expect, test } from 'vitest'
import { applicationName, describeOrm, savepoint } from './suite.ts'
import type { Orm, OrmTransaction } from './suite.ts'

function transaction(trx: Transaction<object>): OrmTransaction {
  const tx: OrmTransaction = {
    db: fromKysely(trx),
    run: (text) => sql.raw(text).execute(trx),
    nested: (fn) => savepoint(tx, fn),
  }
  return tx
}

function open(name: string, plugins: CamelCasePlugin[]): (url: string) => Promise<Orm> {
  return async (url) => {
    const pool = new pg.Pool({ connectionString: url, max: 2, application_name: applicationName(name) })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => client.on('error', () => undefined))
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }), plugins })
    return {
      transaction: (fn, isolation) => {
        const builder = db.transaction()
        return (isolation === undefined ? builder : builder.setIsolationLevel(isolation)).execute((trx) =>
          fn(transaction(trx)),
        )
      },
      close: () => db.destroy(),
    }
  }
}

describeOrm('Kysely', open('Kysely', []))
describeOrm('Kysely with camel case', open('Kysely with camel case', [new CamelCasePlugin()]))

test('a Kysely instance that is no transaction is refused', async () => {
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) })
  expect(() => fromKysely(db)).toThrow(/takes the `trx` of/)
  await db.destroy()
})

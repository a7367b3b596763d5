import knex from 'knex'
import type { Knex } from 'knex'
import { fromKnex } from 'millrace/tx'
import { expect, test } from 'vitest'
import { describeOrm, named } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

function transaction(trx: Knex.Transaction): OrmTransaction {
  return {
    db: fromKnex(trx),
    run: (sql) => trx.raw(sql),
    async nested(fn) {
      await trx.transaction((inner) => fn(transaction(inner)))
    },
  }
}

describeOrm('Knex', async (url) => {
  const db = knex({ client: 'pg', connection: named(url, 'Knex'), pool: { min: 0, max: 2 } })
  return {
    transaction: (fn, isolationLevel) =>
      db.transaction((trx) => fn(transaction(trx)), isolationLevel && { isolationLevel }),
    close: () => db.destroy(),
  }
})

test('a Knex instance that is no transaction is refused', async () => {
  const db = knex({ client: 'pg', connection: 'postgres://localhost/none' })
  expect(() => fromKnex(db)).toThrow(/takes the `trx` of/)
  await db.destroy()
})

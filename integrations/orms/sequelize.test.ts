import { fromSequelize } from 'millrace/tx'
import { Sequelize, Transaction } from 'sequelize'
import { expect, test } from 'vitest'
import { describeOrm, named } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

function wrap(sequelize: Sequelize, transaction: Transaction): OrmTransaction {
  return {
    db: fromSequelize(transaction),
    run: (sql) => sequelize.query(sql, { transaction }),
    nested: (fn) => sequelize.transaction({ transaction }, (inner) => fn(wrap(sequelize, inner))),
  }
}

describeOrm('Sequelize', async (url) => {
  const sequelize = new Sequelize(named(url, 'Sequelize'), { logging: false, pool: { max: 2 } })
  return {
    transaction: (fn, isolation) =>
      sequelize.transaction(
        isolation === undefined ? {} : { isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE },
        (t) => fn(wrap(sequelize, t)),
      ),
    close: () => sequelize.close(),
  }
})

test('what is no transaction of Sequelize is refused', () => {
  expect(() => fromSequelize({ commit: async () => undefined })).toThrow(/takes the `transaction` of/)
})

import { fromTypeOrm } from 'millrace/tx'
import { DataSource } from 'typeorm'
import type { EntityManager } from 'typeorm'
import { expect, test } from 'vitest'
import { describeOrm, named } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

function transaction(manager: EntityManager): OrmTransaction {
  return {
    db: fromTypeOrm(manager),
    run: (sql) => manager.query(sql),
    nested: (fn) => manager.transaction((inner) => fn(transaction(inner))),
  }
}

describeOrm('TypeORM', async (url) => {
  const source = new DataSource({ type: 'postgres', url: named(url, 'TypeORM'), poolSize: 2 })
  await source.initialize()
  return {
    transaction: (fn, isolation) =>
      isolation === undefined
        ? source.transaction((manager) => fn(transaction(manager)))
        : source.transaction('SERIALIZABLE', (manager) => fn(transaction(manager))),
    close: () => source.destroy(),
  }
})

test('a manager of TypeORM that is in no transaction is refused', () => {
  const source = new DataSource({ type: 'postgres', url: 'postgres://localhost/none' })
  expect(() => fromTypeOrm(source.manager)).toThrow(/takes the `manager` of `dataSource\.transaction/)
})

import { defineEntity, IsolationLevel, MikroORM, p } from '@mikro-orm/postgresql'
import type { EntityManager } from '@mikro-orm/postgresql'
import { fromMikroOrm } from 'millrace/tx'
import { describeOrm, named } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

const Unused = defineEntity({ name: 'Unused', properties: { id: p.integer().primary() } })

function transaction(em: EntityManager): OrmTransaction {
  return {
    db: fromMikroOrm(em),
    run: (sql) => em.getConnection().execute(sql, [], 'all', em.getTransactionContext()),
    nested: (fn) => em.transactional((inner) => fn(transaction(inner))),
  }
}

describeOrm('MikroORM', async (url) => {
  const orm = await MikroORM.init({ clientUrl: named(url, 'MikroORM'), entities: [Unused], pool: { min: 0, max: 2 } })
  return {
    transaction: (fn, isolation) =>
      orm.em
        .fork()
        .transactional((em) => fn(transaction(em)), isolation && { isolationLevel: IsolationLevel.SERIALIZABLE }),
    close: () => orm.close(),
  }
})

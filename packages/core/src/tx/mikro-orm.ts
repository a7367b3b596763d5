import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'
import { fromKysely } from './kysely.ts'
import type { KyselyTransaction } from './kysely.ts'

/** The `em` of `em.transactional(async (em) => …)`, or one between `em.begin()` and `em.commit()`. */
export interface MikroOrmEntityManager {
  // A property with the widest result: the library lets its caller choose it.
  readonly getTransactionContext: () => unknown
}

/**
 * Adds jobs in a transaction of MikroORM 7: `queue.addJob(job, { db: fromMikroOrm(em) })`.
 *
 * It does not flush: entities you persisted are written when you flush or when the transaction commits.
 *
 * @throws MillraceError `OPTION_INVALID` for an entity manager that is not in a transaction
 */
export function fromMikroOrm(em: MikroOrmEntityManager): DatabaseClient {
  const context: unknown = hasMethod(em, 'getTransactionContext') ? em.getTransactionContext() : undefined
  if (!isKyselyTransaction(context)) {
    return refuseHandle('fromMikroOrm', em, 'the `em` of `em.transactional(async (em) => …)`')
  }
  // Its own `execute` would spread arrays over the statement; the driver's transaction below it does not.
  return fromKysely(context)
}

function isKyselyTransaction(value: unknown): value is KyselyTransaction {
  return hasMethod(value, 'executeQuery')
}

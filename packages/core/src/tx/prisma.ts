import type { DatabaseClient } from '../store/enqueue.ts'
import { hasMethod, refuseHandle } from './handle.ts'
import type { JobsIn } from './jobs-in.ts'

/** The `tx` of `prisma.$transaction(async (tx) => …)`. */
export interface PrismaTransaction {
  // A method: its generic result type is the caller's to choose.
  $queryRawUnsafe(query: string, ...values: unknown[]): PromiseLike<unknown>
}

/**
 * Adds jobs in an interactive transaction of Prisma: `queue.addJob(job, { db: fromPrisma(tx) })`.
 *
 * Prisma ends such a transaction after 5 s by default; the job goes with it.
 *
 * @throws MillraceError `OPTION_INVALID` for anything without `$queryRawUnsafe`
 */
export function fromPrisma(tx: PrismaTransaction): DatabaseClient {
  if (!hasMethod(tx, '$queryRawUnsafe')) {
    refuseHandle('fromPrisma', tx, 'the `tx` of `prisma.$transaction(async (tx) => …)`')
  }
  return {
    async query(text, values = []) {
      const rows = await tx.$queryRawUnsafe(text, ...values)
      return { rows: Array.isArray(rows) ? rows : [] }
    },
  }
}

/** What `prismaExtension` adds to a client, and to the `tx` of its transactions. */
// A type, not an interface: Prisma asks for an index signature, which only a type has implicitly.
export type PrismaEnqueue<PayloadMap> = {
  /** `queue.addJob` on this client's connection: inside `$transaction`, in that transaction. */
  readonly enqueue: JobsIn<PayloadMap>['addJob']
  /** `queue.addJobs`, likewise. */
  readonly enqueueMany: JobsIn<PayloadMap>['addJobs']
}

/** What `$extends` of a Prisma client takes. */
export interface PrismaExtension<PayloadMap> {
  readonly name: string
  readonly client: PrismaEnqueue<PayloadMap>
}

/**
 * An extension that gives a Prisma client `enqueue` and `enqueueMany`: after
 * `const prisma = new PrismaClient({ adapter }).$extends(prismaExtension(queue))`, `tx.enqueue({ jobType, payload })` adds a
 * job that exists only if the transaction commits.
 */
export function prismaExtension<PayloadMap>(queue: JobsIn<PayloadMap>): PrismaExtension<PayloadMap> {
  // Prisma calls these on the extended client, or on the client of the transaction.
  const enqueue: PrismaEnqueue<PayloadMap>['enqueue'] = function (this: PrismaTransaction, job, options) {
    return queue.addJob(job, { ...options, db: fromPrisma(this) })
  }
  const enqueueMany: PrismaEnqueue<PayloadMap>['enqueueMany'] = function (this: PrismaTransaction, jobs, options) {
    return queue.addJobs(jobs, { ...options, db: fromPrisma(this) })
  }
  return { name: 'millrace', client: { enqueue, enqueueMany } }
}

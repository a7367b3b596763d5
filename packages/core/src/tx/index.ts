export { createDoctorJobs } from './create-doctor-jobs.ts'
export type {
  DoctorDeadLetter,
  DoctorJobs as DoctorJobsOnQueue,
  DoctorJobsOptions,
  DoctorJobsQueueOptions,
  QueuedWith,
  TransactionalPrisma,
} from './create-doctor-jobs.ts'
export { DoctorJob, DoctorJob as DoctorJobs } from './doctor-job.ts'
export type { AnyModel, AnyPrisma, DoctorJobOptions, DoctorLogger, EitherLike, OptionLike } from './doctor-job.ts'
export { fromDrizzle } from './drizzle.ts'
export type { DrizzleTransaction } from './drizzle.ts'
export { jobsIn } from './jobs-in.ts'
export type { JobsIn } from './jobs-in.ts'
export { fromKnex } from './knex.ts'
export type { KnexTransaction } from './knex.ts'
export { fromKysely } from './kysely.ts'
export type { KyselyTransaction } from './kysely.ts'
export { fromMikroOrm } from './mikro-orm.ts'
export type { MikroOrmEntityManager } from './mikro-orm.ts'
export { fromPgPromise } from './pg-promise.ts'
export type { PgPromiseTask } from './pg-promise.ts'
export { fromPostgresJs } from './postgres-js.ts'
export type { PostgresJsTransaction } from './postgres-js.ts'
export { fromPrisma, prismaExtension } from './prisma.ts'
export type { PrismaEnqueue, PrismaExtension, PrismaTransaction } from './prisma.ts'
export { createRelay, toBullMq, toQueue, toSqs } from './relay.ts'
export type { BullMqQueue, RelayHandler, RelayMessage, RelayTarget, SqsClient } from './relay.ts'
export { fromSequelize } from './sequelize.ts'
export type { SequelizeTransaction } from './sequelize.ts'
export { sqlStateOf } from './sqlstate-of.ts'
export { fromTypeOrm } from './typeorm.ts'
export type { TypeOrmQueryRunner, TypeOrmTransaction } from './typeorm.ts'

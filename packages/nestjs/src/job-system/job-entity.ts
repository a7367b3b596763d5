import { DeleteDateColumn, PrimaryColumn, ViewColumn, ViewEntity } from 'typeorm'
import type { JobData } from './job-handler.ts'

/** How a job stands: `scheduled` until it runs, also for a job that will run again after its worker died. */
export type JobSystemStatus = 'scheduled' | 'processing' | 'success' | 'failed' | 'canceled'

/** The schema whose jobs the entities show unless `forRoot` says another. */
export const DEFAULT_SCHEMA = 'millrace'

/** A column of the view under its own name, whatever naming strategy the data source has. */
const column = (name: string): PropertyDecorator => ViewColumn({ name })

/**
 * A job, for `entities: [JobEntity, JobTypeLockEntity]` and `getRepository(JobEntity)`. It maps onto a view of the engine's tables, so
 * that neither `synchronize` nor `migration:generate` has anything to do. Its rows can be read and soft-deleted; jobs are made and
 * changed through `JobSystemService`.
 */
@ViewEntity({ name: 'job_system_jobs', schema: DEFAULT_SCHEMA, synchronize: false })
export class JobEntity {
  /** Digits, as a string. */
  @PrimaryColumn({ name: 'id', type: String })
  id: string = ''
  @column('type') type: string = ''
  @column('name') name: string | null = null
  @column('role') role: string | null = null
  @column('email') email: string | null = null
  @column('uploadedFileURL') uploadedFileURL: string | null = null
  @column('data') data: JobData = null
  @column('status') status: JobSystemStatus = 'scheduled'
  /** 0 to 1. */
  @column('progress') progress: number = 0
  @column('message') message: string | null = null
  /** What `SucceedJobWithJsonString` was given. */
  @column('result') result: string | null = null
  /** The message of what the handler threw last. */
  @column('error') error: string | null = null
  @column('attempts') attempts: number = 0
  @column('scheduledAt') scheduledAt: Date = new Date(0)
  @column('createdAt') createdAt: Date = new Date(0)
  @column('startedAt') startedAt: Date | null = null
  @column('finishedAt') finishedAt: Date | null = null
  /** When the job will be done, as its handler last said. */
  @column('estimatedAt') estimatedAt: Date | null = null
  @column('cancelRequested') cancelRequested: boolean = false
  @column('canceledBy') canceledBy: string | null = null
  @DeleteDateColumn({ name: 'deleted_at', type: Date })
  deletedAt: Date | null = null
}

/** A type of which a job runs: until when its worker holds it without being heard of again. */
@ViewEntity({ name: 'job_type_lock', schema: DEFAULT_SCHEMA, synchronize: false })
export class JobTypeLockEntity {
  @PrimaryColumn({ name: 'type', type: String })
  type: string = ''
  @column('lockedUntil') lockedUntil: Date = new Date(0)
  /** When the worker was last heard of. */
  @column('updatedAt') updatedAt: Date = new Date(0)
}

/** A job from a row of the view. */
export function jobEntity(row: Readonly<Record<string, unknown>>): JobEntity {
  const { deleted_at: deletedAt, ...columns } = row
  return Object.assign(new JobEntity(), columns, { deletedAt })
}

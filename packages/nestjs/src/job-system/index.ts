export { getJobSystemToken, InjectJobSystem, JOB_SYSTEM_CONNECTION, JobSystemModule } from './module.ts'
export type { JobSystemModuleOptions } from './module.ts'
export { JobSystemService } from './service.ts'
export type { JobReference, JobSystemSettings, RegisterJobOptions } from './service.ts'
export { JobEntity, JobTypeLockEntity } from './job-entity.ts'
export type { JobSystemStatus } from './job-entity.ts'
export type {
  IsCancelledFn,
  JobContext,
  JobContextFactory,
  JobData,
  JobHandlerFactory,
  JobHandlerFn,
  UpdateFn,
} from './job-handler.ts'
export type { RegisterJobInput } from './job-input.ts'
export type { JobSystemJobStatus } from './job-status.ts'
export type { RegisterOptions } from './registry.ts'
export { Progress } from './progress.ts'
export type { ProgressOptions } from './progress.ts'
export { prettifyMs } from './prettify-ms.ts'
export { jobSystemSql } from './views.ts'

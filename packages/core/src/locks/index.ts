export { acquireJobLock } from './acquire.ts'
export type { AcquireJobLockOptions, JobLockResult, PreCheckResult } from './acquire.ts'
export { runCycle } from './cycle.ts'
export type { CycleStep, CycleStepResult } from './cycle.ts'
export type { LockDataSource, LockQueryRunner } from './data-source.ts'
export { JobExecutionEntity, JobStatus, JobType, STALE_JOB_THRESHOLD_MS } from './job-execution.ts'
export type { JobExecution } from './job-execution.ts'
export { isJobEnabled, latestJobExecutions, runExclusive } from './run-exclusive.ts'
export type {
  ExclusiveOutcome,
  ExclusiveResult,
  ExclusiveRun,
  JobPeriod,
  RunExclusiveOptions,
} from './run-exclusive.ts'

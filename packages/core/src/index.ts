export { initJobQueue } from './queue.ts'
export type {
  AddJobOptions,
  JobQueue,
  ProcessorHandlers,
  RawPool,
  JobPage,
  RedriveOptions,
  SearchJobsOptions,
  WithResult,
} from './queue-api.ts'
export type {
  CommonConfig,
  JobQueueConfig,
  PgliteJobQueueConfig,
  PostgresJobQueueConfig,
  PostgresJobQueueConfig as JobQueueConfigLegacy,
  RedisConfig,
  RedisJobQueueConfig,
  RedisTLSConfig,
} from './queue-config.ts'
export { assertNoDependencyCycle, validatePrerequisiteJobIdsExist } from './queue-flows.ts'
export type { AddBatchOptions, Batch, BatchCallback, BatchStatus, FlowMethods } from './queue-flows.ts'
export type { CronScheduleInput, CronScheduleRecord, CronScheduleStatus } from './queue-schedule-records.ts'
export type { JobLogOptions, LogMethods } from './queue-logs.ts'
export type { MetricsMethods, MetricsOptions, MetricTotal } from './queue-metrics.ts'
export type { Durations, JobMetrics, MetricsPoint, MetricsSeries } from './model/metrics.ts'
export type { AuditMethods, AuditOptions } from './queue-audit.ts'
export type { CleanupJobsOptions } from './queue-work.ts'
export type { PauseMethods } from './queue-pauses.ts'
export type { ExportOptions, ImportResult, TransferMethods } from './queue-transfer.ts'
export type { TransferCounts } from './queue-transfer-format.ts'
export type { JobDescription, SurveyMethods } from './queue-survey.ts'
export type { ScheduleScope } from './queue-schedules.ts'
export type {
  InTransaction,
  JobStep,
  TokenRecord,
  TokenRecord as WaitpointRecord,
  TokenStatus,
  TokenStatus as WaitpointStatus,
} from './queue-waits.ts'
export { createPool } from './queue-pool.ts'
export type { PgliteLike } from './queue-store.ts'

export { acquireJobLock, runExclusive } from './locks/index.ts'
export { ERROR_CODES, isMillraceError, MillraceError } from './errors.ts'
export type { ErrorDetails, MillraceErrorCode } from './errors.ts'

export { getNextCronOccurrence, validateCronExpression } from './model/cron.ts'
export { describeCron } from './model/cron-words.ts'
export { JOB_QUERY_TERMS, parseJobQuery } from './model/job-query.ts'
export type { CatchUp } from './model/schedule.ts'
export type { CronScheduleOptions, EditCronScheduleOptions, SchedulePeriod } from './model/schedule-options.ts'
export type { ScheduleTick } from './store/schedule.ts'
export { defineSchedules } from './model/define-schedules.ts'
export type { ScheduleDeclaration, ScheduleDeclarations } from './model/define-schedules.ts'
export type { ReconciledSchedules } from './store/schedule.ts'
export { anyPayload, defineJobs } from './model/define-jobs.ts'
export type {
  HandlerPayloadMapOf,
  JobDefinition,
  JobDefinitionInput,
  JobDefinitions,
  PayloadMapOf,
} from './model/define-jobs.ts'
export {
  batchDepRef,
  normalizeDependsOn,
  resolveDependsOnJobIdsForBatch,
  tagsAreSuperset,
} from './model/dependencies.ts'
export type { DependencyCounts, JobDependency } from './model/dependencies.ts'
export type { FlowDependsOn, FlowNode } from './model/flow.ts'
export { JobEventType } from './model/event.ts'
export type { JobEvent, JobEventMetadata } from './model/event.ts'
export type { ExplainReason, Explanation } from './model/explain.ts'
export type { JobFilters, TagMode as TagQueryMode } from './model/filters.ts'
export type {
  AddChild,
  AddChildren,
  ChildJob,
  ChildOptions,
  CreateTokenOptions,
  JobContext,
  JobHandler,
  JobHandlers,
  OnTimeoutCallback,
  PendingChild,
  StepContext,
  StepOptions,
  StepRetry,
  WaitDuration,
  WaitLimits,
  WaitOptions,
  WaitToken,
  WaitTokenResult,
} from './model/handler.ts'
export type { FailureGroup, FailureSurvey } from './model/failure.ts'
export type { Figure, Figures } from './model/figures.ts'
export type { GraphNode, JobGraph } from './model/job-graph.ts'
export type { LaneRecord } from './model/lane-record.ts'
export type { StoreVitals, TableVitals } from './model/vitals.ts'
export { FailureReason } from './model/job.ts'
export type {
  DeadLetterPayloadEnvelope,
  DependencyFailurePolicy,
  FinishedStatus,
  JobDependsOn,
  JobError,
  JobGroup,
  JobRecord,
  JobSchedule,
  JobStatus,
} from './model/job.ts'
export type { KeyMode, KeyScope, QueueOption } from './model/lanes.ts'
export type { EditJobOptions, JobOptions, JobType } from './model/options.ts'
export type { RetryContext, RetryFunction, RetryPolicy } from './model/backoff.ts'
export type { JobLogLine, JobLogs, LogLevel } from './model/log.ts'
export type { AuditEntry } from './model/audit.ts'
export type { Pause, PauseOptions, PauseScope } from './model/pause.ts'
export type { TransactionClient, TransactionOptions } from './model/transaction.ts'
export { fatal, snooze, WaitSignal } from './model/verdict.ts'

export type { QueueEmitFn, QueueEventListener, QueueEventMap, QueueEventName } from './observe/events.ts'
export type { HookEvent, HookListener, MillraceHooks } from './observe/hooks.ts'
export type { JobTracer, TracedAdd, TracedAttempt, TracedStep } from './observe/tracer.ts'

export type { DatabaseConfig } from './postgres/connection.ts'
export type { DatabaseSsl as DatabaseSSLConfig } from './postgres/tls.ts'
export type { Processor, ProcessorOptions } from './processor/processor.ts'
export type { ModuleHandler, VersionedHandler } from './run/handler-entry.ts'
export { testHandlerSerialization, validateHandlerSerializable } from './run/handler-source.ts'
export type { ChangeResult } from './store/change.ts'
export type { DeliveryResult } from './store/signal.ts'
export type { DatabaseClient } from './store/enqueue.ts'
export type { QueueStats, WorkerRecord } from './store/inspect.ts'
export type { StoreFeatures } from './store/store.ts'
export type { Supervisor, SupervisorOptions, SupervisorRunResult } from './supervisor/supervisor.ts'
export { PostgresBackend } from './queue-backend.ts'
export type { PostgresBackendOptions, QueueBackend } from './queue-backend.ts'

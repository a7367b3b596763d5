/**
 * What a store needs to be one: the contract, and the pure parts of the model that every store shares. For stores outside
 * this package; `millrace/conformance` holds them to it.
 */
export type { AuditStore } from './audit.ts'
export type { ChangeResult, ChangeStore, JobChanges } from './change.ts'
export type {
  ClaimedJob,
  ClaimStore,
  ExchangeOptions,
  ExchangeResult,
  HousekeepingResult,
  ReadyBound,
  RegisterOptions,
  RetryFields,
} from './claim.ts'
export type { DatabaseClient, EnqueueOptions, EnqueueResult, EnqueueStore, NewDependencies, NewJob } from './enqueue.ts'
export type {
  DateRange,
  InspectStore,
  JobFilter,
  ListOptions,
  SearchOptions,
  SearchResult,
  QueueStats,
  TagQueryMode,
  WorkerRecord,
} from './inspect.ts'
export type { DependencyStore } from './dependencies.ts'
export type { LogEntry, LogResult, LogStore } from './logs.ts'
export type { CleanupOptions, MaintainStore } from './maintain.ts'
export type { MetricCounts, MetricEntry, MetricRow, MetricStore, ReadMetricsOptions } from './metrics.ts'
export type { MigrateStore } from './migrate.ts'
export type { PauseStore } from './pause.ts'
export type { Pause, ValidPauseScope } from '../model/pause.ts'
export type {
  FiredSchedules,
  NewSchedule,
  ReconciledSchedules,
  ScheduleDefinition,
  ScheduleFire,
  ScheduleRef,
  ScheduleSkip,
  ScheduleStore,
  ScheduleTick,
  StoredSchedule,
} from './schedule.ts'
export type { ReportOptions, Settlement, SettleResult, SettleStore } from './settle.ts'
export type { DeliveryResult, NewToken, SignalStore, StoredToken } from './signal.ts'
export type { LeaseRef, NewStep, NewWait, StepRow, StepStore, StoredStep, StoredValue, WaitKind } from './steps.ts'
export type { ListFailuresOptions, ListLanesOptions, SurveyStore } from './survey.ts'
export type { ExportHead, ExportPart, MovedSchedule, TransferStore } from './transfer.ts'
export {
  type IdRange,
  type PortableJob,
  type PortableState,
  type PortableStep,
  type PortableToken,
  PORTABLE_FIELDS,
} from '../model/portable.ts'
export type { HeartbeatTarget, Store, StoreFeatures, Wake } from './store.ts'
export { blockerState, type JobFacts, type LaneFacts } from '../model/explain.ts'
export { addDurations, type DurationCounts } from '../model/metrics.ts'
export { decodePayload } from '../model/codec.ts'
export { stepData } from '../model/step-data.ts'
export { type FailureReason, isJobError, type JobError, type JobRecord, type JobSchedule } from '../model/job.ts'
export type { AuditEntry } from '../model/audit.ts'
export type { DependencyCounts, JobDependency } from '../model/dependencies.ts'
export type { FailureRecord } from '../model/failure.ts'
export type { Figure, Figures } from '../model/figures.ts'
export type { JobEdges } from '../model/job-graph.ts'
export type { LaneRecord } from '../model/lane-record.ts'
export type { StoreVitals, TableVitals } from '../model/vitals.ts'
export type { JobEvent } from '../model/event.ts'
export { type JobTrail, jobEvents } from '../model/trail.ts'

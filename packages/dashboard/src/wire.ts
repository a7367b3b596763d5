import type {
  AuditEntry,
  CronScheduleRecord,
  FailureGroup,
  JobError,
  JobEvent,
  JobGraph,
  JobLogLine,
  JobStatus,
  LaneRecord,
  Pause,
  ScheduleTick,
  StoreVitals,
  TableVitals,
} from 'millrace'
import type { Shown } from './plain.ts'

/** Times are ISO 8601, here and below. */
type Time = string

/** A job as lists show it. */
export interface JobRow {
  readonly id: number
  readonly jobType: string
  readonly status: JobStatus
  readonly priority: number
  readonly attempts: number
  readonly maxAttempts: number
  readonly createdAt: Time
  readonly updatedAt: Time
  readonly runAt: Time
  readonly startedAt: Time | null
  readonly completedAt: Time | null
  readonly nextAttemptAt: Time | null
  /** Of the last failure, its first 500 characters. */
  readonly error: string | null
  readonly failureReason: string | null
  readonly progress: number | null
  readonly tags: readonly string[]
  readonly groupId: string | null
  readonly queue: string | null
  readonly tenantId: string | null
  readonly lockedBy: string | null
}

/** A job with all that is known of it. */
export interface JobDetail extends JobRow {
  readonly payload: Shown
  readonly output: Shown
  /** Whether the payload can be edited as JSON without losing anything. */
  readonly isPayloadEditable: boolean
  readonly errorHistory: readonly JobError[]
  readonly pendingReason: string | null
  readonly timeoutMs: number | null
  readonly idempotencyKey: string | null
  readonly waitUntil: Time | null
  readonly waitTokenId: string | null
  readonly lastRetriedAt: Time | null
  readonly lastCancelledAt: Time | null
  readonly lastFailedAt: Time | null
  readonly lockedAt: Time | null
  readonly retryDelay: number | null
  readonly retryBackoff: boolean | null
  readonly retryDelayMax: number | null
  readonly deadLetterJobType: string | null
  readonly deadLetteredAt: Time | null
  readonly deadLetterJobId: number | null
  readonly dependsOnJobIds: readonly number[]
  readonly dependsOnTags: readonly string[]
  readonly handlerVersion: number | null
  readonly schedule: { readonly name: string; readonly tick: Time; readonly isManual: boolean } | null
}

/** What is asked of `/jobs`. */
export interface JobPage {
  readonly jobs: readonly JobRow[]
  readonly hasMore: boolean
  /** For `cursor` of the next page, or of the next part of a search: fewer jobs than asked for may have more further down. */
  readonly nextCursor: number | null
}

export interface EventRow extends Omit<JobEvent, 'createdAt'> {
  readonly createdAt: Time
}

export interface StepRow {
  readonly name: string
  readonly kind: string
  readonly status: string
  readonly attempt: number
  readonly tries: number
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly durationMs: number | null
  readonly result: Shown
  readonly error: JobError | null
  readonly waitUntil: Time | null
}

/** A line that a handler logged. */
export interface LogRow extends Omit<JobLogLine, 'at' | 'fields'> {
  readonly at: Time
  readonly fields: Shown | null
}

export interface LogLines {
  readonly lines: readonly LogRow[]
  /** How many older ones are gone. */
  readonly dropped: number
}

export interface Relations {
  /** What it waits, or waited, for. At most 50. */
  readonly dependsOn: readonly JobRow[]
  /** Of those it depends on. */
  readonly counts: {
    readonly total: number
    readonly completed: number
    readonly failed: number
    readonly cancelled: number
    readonly unfinished: number
  } | null
  /** The job that was made of it when it failed for good. */
  readonly deadLetter: JobRow | null
  /** The failed job that it was made of. */
  readonly deadLetterOf: number | null
}

/** Failures of one cause. */
export interface ErrorGroupRow extends Omit<FailureGroup, 'jobIds' | 'finalJobIds' | 'firstAt' | 'lastAt'> {
  readonly firstAt: Time
  readonly lastAt: Time
  readonly latestJobId: number | null
  /** Whether any of them can be brought back. */
  readonly canRedrive: boolean
}

export interface ErrorList {
  readonly groups: readonly ErrorGroupRow[]
  /** Of how many failures. */
  readonly read: number
  /** Whether there are older ones. */
  readonly hasMore: boolean
}

export interface ErrorDetail {
  readonly group: ErrorGroupRow
  /** Of the latest, with its whole stack. */
  readonly error: JobError | null
  /** The latest; at most 20. */
  readonly jobs: readonly JobRow[]
}

export interface PauseRow extends Omit<Pause, 'pausedAt' | 'until'> {
  readonly pausedAt: Time
  readonly until: Time | null
}

export interface PauseList {
  readonly pauses: readonly PauseRow[]
}

export interface TypeRow {
  readonly jobType: string
  /** By `defineJobs`, in this process. */
  readonly isDeclared: boolean
  /** Whether it is known what a payload of it must be. */
  readonly hasSchema: boolean
  /** How many running ones handle it. */
  readonly workers: number
}

/** What a payload must be, as JSON Schema; `null` if the definition of the type does not tell. */
export interface PayloadSchema {
  readonly schema: Readonly<Record<string, unknown>> | null
}

export interface TypeList {
  readonly types: readonly TypeRow[]
}

export interface AuditRow extends Omit<AuditEntry, 'at'> {
  readonly at: Time
}

export interface AuditPage {
  readonly entries: readonly AuditRow[]
  /** For `cursor` of the next page. */
  readonly nextCursor: number | null
}

export interface LaneList {
  readonly lanes: readonly LaneRecord[]
}

/** What a bulk change would do. */
export interface BulkCount {
  readonly count: number
  /** Whether that is only where counting ended. */
  readonly hasMore: boolean
}

/** What one call of a bulk change has done. */
export interface BulkAnswer {
  readonly changed: number
  /** How many jobs it looked at: some may have changed their state meanwhile. */
  readonly seen: number
  /** Of the next call; `null`: that was all. */
  readonly nextCursor: number | null
}

export interface GraphNodeRow extends Omit<JobGraph['nodes'][number], 'startedAt' | 'endedAt'> {
  readonly startedAt: Time | null
  readonly endedAt: Time | null
}

/** A job among those it waits for and those that wait for it. */
export interface GraphView {
  readonly nodes: readonly GraphNodeRow[]
  /** `[job, the one it waits for]`. */
  readonly edges: readonly (readonly [number, number])[]
  readonly isCut: boolean
}

export interface ScheduleRow extends Pick<
  CronScheduleRecord,
  | 'id'
  | 'scheduleName'
  | 'cronExpression'
  | 'everyMs'
  | 'timezone'
  | 'jobType'
  | 'status'
  | 'tenantId'
  | 'owner'
  | 'allowOverlap'
  | 'catchUp'
  | 'lastJobId'
  | 'lastSkipReason'
> {
  readonly lastEnqueuedAt: Time | null
  readonly lastSkippedAt: Time | null
  readonly nextRunAt: Time | null
  /** The next five, the first included. */
  readonly nextRuns: readonly Time[]
  /** The cron expression; `null`: it is not made clearer by words. */
  readonly inWords: string | null
  /** What the next changes of the clock do to it, a sentence each. */
  readonly clockChanges: readonly string[]
}

export interface TickRow extends Omit<ScheduleTick, 'tickAt' | 'firedAt'> {
  readonly tickAt: Time
  readonly firedAt: Time
}

export interface WorkerRow {
  readonly workerId: string
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly concurrency: number
  readonly groupConcurrency: number | null
  readonly jobTypes: readonly string[] | null
  readonly startedAt: Time
  readonly lastSeenAt: Time
  readonly expiresAt: Time
  readonly running: number
  /** It should have been heard of by now. */
  readonly isLost: boolean
}

/** What needs somebody to look at it. */
export interface Attention {
  readonly level: 'warning' | 'danger'
  readonly text: string
  /** A place of the page. */
  readonly href: string
}

/** How far things were at some moment since somebody began to look. */
export interface Sample {
  readonly at: number
  readonly completed: number
  readonly ready: number
}

export interface Overview {
  /** When it was read. */
  readonly at: Time
  readonly counts: Readonly<Record<JobStatus, number>>
  /** Which of them are estimates of the database. */
  readonly estimated: readonly JobStatus[]
  /** Counts are of the latest so many jobs of all tenants, and at most 1000. `null`: of all. */
  readonly ofLatest: number | null
  readonly ready: number | null
  readonly timed: number | null
  readonly groupWaiting: number | null
  readonly oldestReadyMs: number | null
  readonly workers: { readonly count: number; readonly slots: number; readonly running: number } | null
  readonly samples: readonly Sample[]
  readonly attention: readonly Attention[]
  readonly failures: readonly JobRow[]
  readonly recent: readonly JobRow[]
}

/** What ended in a span of time. */
export interface MetricsOfSpan {
  readonly completed: number
  /** Attempts that failed, after which the job is tried again. */
  readonly retried: number
  /** Attempts that failed for good. */
  readonly failed: number
  /** Half of them ran at most so long; `null`: there were none. */
  readonly runP50Ms: number | null
  readonly runP95Ms: number | null
  readonly waitP95Ms: number | null
}

export interface MetricsOfType extends MetricsOfSpan {
  readonly jobType: string
}

/** What ended in the last hours. */
export interface MetricsView {
  readonly stepMinutes: number
  /** Oldest first, one for each step; the last is still going on. */
  readonly points: readonly (MetricsOfSpan & { readonly at: Time })[]
  readonly total: MetricsOfSpan
  /** Most first. */
  readonly types: readonly MetricsOfType[]
}

export interface Health {
  readonly checkedAt: Time
  readonly tookMs: number
  readonly violations: readonly { readonly invariant: string; readonly detail: string }[]
}

export interface VitalsView extends Omit<StoreVitals, 'tables'> {
  readonly tables: readonly (Omit<TableVitals, 'vacuumedAt'> & { readonly vacuumedAt: Time | null })[]
}

/** What the page needs to know before anything else. */
export interface Meta {
  readonly actor: string | null
  readonly canChange: boolean
  readonly tenantId: string | null
  /** Whether jobs can be paused, here and by this person. */
  readonly canPause: boolean
  /** Whether a batch can be run on request. */
  readonly canProcess: boolean
  readonly jobTypes: readonly string[]
  readonly redacts: boolean
  /** What a search for jobs may name: a term, and what it means. */
  readonly queryTerms: readonly (readonly [term: string, meaning: string])[]
}

export interface Problem {
  readonly error: string
  readonly code: string
}

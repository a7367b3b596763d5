/**
 * The words used everywhere. A *job* is one unit of work; an *attempt* is one execution of it, counted when it is
 * claimed; a *lease* is a worker's right to an attempt, under a fencing *token*; an *outcome* is what a handler did and
 * a *settlement* what must be recorded of it; a *group* is a set of jobs under one concurrency limit; a *key* makes a
 * job unique; a *dead letter* is a job that failed for good. `docs/learn/lifecycle.md` tells the story.
 */

/** What the public API reports. A job between two attempts is `failed` with `nextAttemptAt` set. */
export type JobStatus = 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'waiting'

export const JOB_STATUSES: readonly JobStatus[] = [
  'pending',
  'processing',
  'completed',
  'failed',
  'cancelled',
  'waiting',
]

/** How a job ends. A `failed` one has ended when it has no attempt left. */
export type FinishedStatus = 'completed' | 'failed' | 'cancelled'

export const FINISHED_STATUSES: readonly FinishedStatus[] = ['completed', 'failed', 'cancelled']

/** Why the last attempt of a job failed. */
export const FailureReason = {
  Timeout: 'timeout',
  HandlerError: 'handler_error',
  NoHandler: 'no_handler',
  /** The worker died, or was cut off for longer than its lease, in the last permitted attempt. */
  WorkerLost: 'worker_lost',
  /** The stored payload does not satisfy the schema of its job type; retrying cannot help. */
  PayloadInvalid: 'payload_invalid',
} as const
export type FailureReason = (typeof FailureReason)[keyof typeof FailureReason]

/** One failure of a job, newest last in `errorHistory`. */
export interface JobError {
  readonly message: string
  /** ISO 8601. */
  readonly timestamp: string
  readonly name?: string
  readonly code?: string
  readonly stack?: string
  /** The cause chain, outermost first, at most five deep. */
  readonly cause?: readonly { readonly name?: string; readonly message: string; readonly stack?: string }[]
  readonly reason?: FailureReason
  readonly attempt?: number
  readonly workerId?: string
}

/** The payload of a dead-letter job. */
export interface DeadLetterPayloadEnvelope<Payload = unknown> {
  readonly originalJob: {
    readonly id: number
    readonly jobType: string
    readonly attempts: number
    readonly maxAttempts: number
  }
  /** As the job that failed had it. */
  readonly originalPayload: Payload
  readonly failure: {
    readonly message: string
    readonly reason: FailureReason | null
    /** ISO 8601. */
    readonly failedAt: string
  }
}

/** Whether `value` is a stored error: from `model/error-record.ts`, or SQL callers, who must at least give a message. */
export function isJobError(value: unknown): value is JobError {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
}

/** The group of a job: how many of them run at once is a processor's `groupConcurrency`. */
export interface JobGroup {
  /** Jobs of one group id share a concurrency limit. 1 to 255 characters. */
  readonly id: string
  /** Stored and returned; reserved for policies to come. */
  readonly tier?: string
}

/** Which schedule added a job, and for which of its times. */
export interface JobSchedule {
  readonly name: string
  /** The time that was due, however late the job was added; of a run on request, that moment. */
  readonly tick: Date
  /** Added by `runCronJobNow`. */
  readonly isManual: boolean
}

/**
 * What becomes of a job when one that it depends on fails for good or is cancelled: it is cancelled too, runs all the same,
 * or waits until that one has completed after all, such as after a retry. A failure that will be retried is none yet.
 */
export type DependencyFailurePolicy = 'cancel' | 'run' | 'wait'

export const DEPENDENCY_FAILURE_POLICIES: readonly DependencyFailurePolicy[] = ['cancel', 'run', 'wait']

/** What a job waits for; both lists together. */
export interface JobDependsOn {
  /** Jobs that must have completed. In `addJobs` also `batchDepRef(index)`. At most 100,000. */
  readonly jobIds?: readonly number[] | undefined
  /** No other job that is not finished may have all of these tags when the job becomes due. */
  readonly tags?: readonly string[] | undefined
  /** Default `'cancel'`. */
  readonly onFailure?: DependencyFailurePolicy | undefined
}

/** What a user sees of a stored job. Each read makes a new one, so its arrays may be changed. */
export interface JobRecord<PayloadMap = Record<string, unknown>, T extends keyof PayloadMap = keyof PayloadMap> {
  readonly id: number
  readonly jobType: T
  readonly payload: PayloadMap[T]
  readonly status: JobStatus
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly lockedAt: Date | null
  readonly lockedBy: string | null
  readonly attempts: number
  readonly maxAttempts: number
  readonly nextAttemptAt: Date | null
  readonly priority: number
  readonly runAt: Date
  readonly pendingReason: string | null
  readonly errorHistory: JobError[]
  readonly timeoutMs: number | null
  readonly forceKillOnTimeout: boolean
  readonly failureReason: FailureReason | null
  readonly completedAt: Date | null
  readonly startedAt: Date | null
  readonly lastRetriedAt: Date | null
  readonly lastFailedAt: Date | null
  readonly lastCancelledAt: Date | null
  readonly tags: string[] | null
  readonly idempotencyKey: string | null
  readonly waitUntil: Date | null
  readonly waitTokenId: string | null
  readonly stepData: Readonly<Record<string, unknown>> | undefined
  readonly progress: number | null
  readonly output: unknown
  readonly retryDelay: number | null
  readonly retryBackoff: boolean | null
  readonly retryDelayMax: number | null
  readonly deadLetterJobType: string | null
  readonly deadLetteredAt: Date | null
  readonly deadLetterJobId: number | null
  readonly groupId: string | null
  readonly groupTier: string | null
  readonly dependsOnJobIds: number[] | null
  readonly dependsOnTags: string[] | null
  readonly tenantId: string | null
  /** The serial lane it runs in. */
  readonly queue: string | null
  /** Of the handler that the job first started under; `null` if none was declared, or it has not started. */
  readonly handlerVersion: number | null
  /** The schedule that added it; `null` for a job that was added otherwise. */
  readonly schedule: JobSchedule | null
}

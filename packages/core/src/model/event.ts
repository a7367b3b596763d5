import type { JobError } from './job.ts'

/** What can happen to a job, in `getJobEvents`. */
export const JobEventType = {
  Added: 'added',
  Processing: 'processing',
  Completed: 'completed',
  Failed: 'failed',
  Cancelled: 'cancelled',
  Retried: 'retried',
  Edited: 'edited',
  Prolonged: 'prolonged',
  Waiting: 'waiting',
  /** The worker died or was cut off; the attempt was taken back. */
  Reclaimed: 'reclaimed',
  /** Handed back at a drain, or postponed by its handler, without using up the attempt. */
  Released: 'released',
  /** Somebody asked to stop the running attempt. */
  CancelRequested: 'cancel_requested',
} as const
export type JobEventType = (typeof JobEventType)[keyof typeof JobEventType]

/**
 * What an event says besides its type: of these fields those that apply, and of an edit each option that was changed, by
 * its name.
 */
export interface JobEventMetadata {
  /** The attempt's number, from 1. */
  readonly attempt?: number
  readonly workerId?: string | null
  /** What the attempt led to: `failed`, `cancelled`, `lost`, `revoked`, `released`, `snoozed` or `waiting`. */
  readonly outcome?: string
  /** Of the error. */
  readonly message?: string
  readonly error?: JobError
  /** A `FailureReason`. */
  readonly reason?: string
  /** The job that was made of this one, which has failed for good. */
  readonly deadLetterJobId?: number
  /** The time limit became so many milliseconds from then. */
  readonly prolongedMs?: number
  /** ISO 8601. */
  readonly waitUntil?: string | null
  readonly waitTokenId?: string | null
  readonly jobType?: string
  /** Of an edit: the new one, or `'changed'` if it is large. */
  readonly payload?: unknown
  readonly tags?: readonly string[] | null
  readonly idempotencyKey?: string
  readonly [name: string]: unknown
}

/** One entry of a job's history, as `getJobEvents` lists it. */
export interface JobEvent {
  /** Position within the job, from 1. */
  readonly id: number
  readonly jobId: number
  readonly eventType: JobEventType
  readonly createdAt: Date
  /** Empty if there is nothing to say. */
  readonly metadata: JobEventMetadata
}

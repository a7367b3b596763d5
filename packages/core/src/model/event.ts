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

export interface JobEvent {
  /** Position within the job, from 1. */
  readonly id: number
  readonly jobId: number
  readonly eventType: JobEventType
  readonly createdAt: Date
  readonly metadata: Readonly<Record<string, unknown>> | null
}

/** A number of jobs, at a cost that does not grow with it. */
export interface Figure {
  readonly count: number
  /** Whether it is exact, or what the database's statistics say. */
  readonly isEstimate: boolean
}

/** How many jobs each state holds. Exact up to 10,000 live jobs, and as many of each kind that has ended. */
export interface Figures {
  readonly pending: Figure
  readonly processing: Figure
  readonly waiting: Figure
  readonly completed: Figure
  /** For good, and between two attempts. */
  readonly failed: Figure
  readonly cancelled: Figure
  /** Of the pending: ready to start, waiting for nothing but a free slot. */
  readonly ready: Figure
  /** Of all: waiting for their time. */
  readonly timed: Figure
  /** Of the pending: waiting for a place in their group or queue. */
  readonly groupWaiting: Figure
  /** Of the pending: waiting for jobs that they depend on. */
  readonly blocked: Figure
  /** Of the pending: put aside by a pause. A paused job that no claim has met yet counts where it is. */
  readonly paused: Figure
  /** Between two attempts. */
  readonly retrying: Figure
  /** For how long the oldest ready job has been due, in milliseconds; `null` when none is ready. */
  readonly oldestReadyMs: number | null
  readonly workers: number
}

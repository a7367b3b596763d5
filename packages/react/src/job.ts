/** A job's public status. */
export type JobState = 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'waiting'

/** A job as a fetcher answers it: at least these, such as a `JobRecord` or the answer of `createStatusRoute`. */
export interface FollowedJob {
  readonly id: number
  readonly status: JobState
  /** 0 to 100. */
  readonly progress?: number | null
  readonly output?: unknown
  /** When a failed job is tried again; `null` or absent if its failure is final. */
  readonly nextAttemptAt?: Date | string | null
}

/** What a hook answers whose fetcher does not say more: a followed job, and whatever else the application sends with it. */
export type JobData = FollowedJob & { readonly [field: string]: unknown }

/** Asks the application's server for a job; the signal, for those who declare it, aborts when the answer is no longer wanted. */
export type JobFetcher<Job extends FollowedJob = JobData> = (id: number, signal: AbortSignal) => Promise<Job | null>

/** Whether nothing more will happen to the job. A failure that is tried again is not the end. */
export function isFinal(job: FollowedJob): boolean {
  switch (job.status) {
    case 'completed':
    case 'cancelled':
      return true
    case 'failed':
      return job.nextAttemptAt === null || job.nextAttemptAt === undefined
    case 'pending':
    case 'processing':
    case 'waiting':
      return false
  }
}

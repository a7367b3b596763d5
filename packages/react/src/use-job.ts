import { useContext, useEffect, useRef } from 'react'
import { isFinal } from './job.ts'
import type { FollowedJob, JobData, JobFetcher, JobState } from './job.ts'
import type { Subscribe } from './poll.ts'
import { DefaultsContext } from './provider.tsx'
import { usePoll } from './use-poll.ts'

/** What `useJob` takes besides the id. */
export interface UseJobOptions<Job extends FollowedJob = JobData> {
  /** Default: the provider's. May be a new function at every render. */
  readonly fetcher?: JobFetcher<Job> | undefined
  /** Milliseconds between an answer and the next request. Default: the provider's, else 1000. */
  readonly pollingInterval?: number | undefined
  /** Default `true`. */
  readonly enabled?: boolean | undefined
  /** Push from the server, beside polling; see `eventSource`. */
  readonly subscribe?: Subscribe | undefined
  /** `oldStatus` is `null` at the first answer. */
  readonly onStatusChange?: ((newStatus: JobState, oldStatus: JobState | null) => void) | undefined
  /** Called once. */
  readonly onComplete?: ((job: Job) => void) | undefined
  /** Called once, for a failure that is not tried again. */
  readonly onFailed?: ((job: Job) => void) | undefined
}

/** What `useJob` answers. */
export interface UseJobResult<Job extends FollowedJob = JobData> {
  readonly data: Job | null
  readonly status: JobState | null
  readonly progress: number | null
  readonly output: unknown
  /** Whether no answer has come yet. */
  readonly isLoading: boolean
  readonly error: Error | null
  /** A failed job that will be tried again. */
  readonly isRetrying: boolean
  /** Asks now. */
  readonly refresh: () => void
}

/**
 * Follows a job until it is completed, cancelled, or failed for good. Options given here win over the provider's; without a
 * fetcher or an id nothing is asked. Functions may be new at every render; the latest are called.
 */
export function useJob<Job extends FollowedJob = JobData>(
  jobId: number | null | undefined,
  options: UseJobOptions<Job> = {},
): UseJobResult<Job> {
  const defaults = useContext(DefaultsContext)
  // The provider's fetcher answers whatever jobs the application says it does.
  const fetcher = options.fetcher ?? (defaults.fetcher as JobFetcher<Job> | undefined)
  const id = jobId ?? null
  const { data, isLoading, error, refresh } = usePoll<Job | null>(
    id === null || fetcher === undefined ? null : `job ${id}`,
    {
      fetcher: (signal) => (id === null || fetcher === undefined ? Promise.resolve(null) : ask(fetcher, id, signal)),
      pollingInterval: options.pollingInterval,
      enabled: options.enabled,
      subscribe: options.subscribe,
      isFinal: (job) => job !== null && isFinal(job),
    },
  )
  useTold(id, data, options)
  return {
    data,
    status: data?.status ?? null,
    progress: data?.progress ?? null,
    output: data?.output ?? null,
    isLoading,
    error,
    isRetrying: data?.status === 'failed' && !isFinal(data),
    refresh,
  }
}

/** A fetcher made for something else as well may mean something else by its second parameter: it gets one if it declares two. */
function ask<Job extends FollowedJob>(fetcher: JobFetcher<Job>, id: number, signal: AbortSignal): Promise<Job | null> {
  const one = fetcher as (id: number) => Promise<Job | null>
  return fetcher.length > 1 ? fetcher(id, signal) : one(id)
}

/** Calls the callbacks of a job's changes: after the render that shows them, and once for each. */
function useTold<Job extends FollowedJob>(id: number | null, job: Job | null, options: UseJobOptions<Job>): void {
  const told = useRef<{ readonly id: number | null; readonly status: JobState | null; readonly hasEnded: boolean }>({
    id: null,
    status: null,
    hasEnded: false,
  })
  useEffect(() => {
    const last = told.current.id === id ? told.current : { id, status: null, hasEnded: false }
    if (job === null) {
      told.current = last
      return
    }
    const hasEnded = isFinal(job)
    told.current = { id, status: job.status, hasEnded }
    if (job.status !== last.status) options.onStatusChange?.(job.status, last.status)
    if (!hasEnded || last.hasEnded) return
    if (job.status === 'completed') options.onComplete?.(job)
    if (job.status === 'failed') options.onFailed?.(job)
  })
}

import type { JobRecord, JobStatus } from '../model/job.ts'
import type { JobFacts } from '../model/explain.ts'
import type { JobEvent } from '../model/event.ts'

/** How the tags of a filter and of a job must meet. */
export type TagQueryMode = 'all' | 'any' | 'none' | 'exact'

/** Times that a filter lets pass. All bounds hold together. */
export interface DateRange {
  readonly gt?: Date
  readonly gte?: Date
  readonly lt?: Date
  readonly lte?: Date
  readonly eq?: Date
}

/** Which jobs a list or a bulk change means; all conditions hold together. */
export interface JobFilter {
  readonly jobType?: string | readonly string[]
  readonly status?: JobStatus | readonly JobStatus[]
  readonly priority?: number
  readonly runAt?: Date | DateRange
  readonly createdAt?: DateRange
  readonly tags?: { readonly values: readonly string[]; readonly mode?: TagQueryMode }
  readonly groupId?: string
  readonly tenantId?: string
  readonly ids?: readonly number[]
  /** Only failures that will not be retried, or only those that will. */
  readonly final?: boolean
}

/** Which jobs are listed, and how many. */
export interface ListOptions extends JobFilter {
  readonly limit: number
  readonly offset?: number
  /** Only ids below this one; `offset` is then ignored. */
  readonly cursor?: number
}

/** What is searched for, and how much of it is wanted. */
export interface SearchOptions extends ListOptions {
  /** How many jobs are looked at in each part of the store, at most, whether they match or not. */
  readonly lookAt: number
}

/** What a search found within its bound of work. */
export interface SearchResult {
  /** Newest first, fewer than `limit` also where there are more further down. */
  readonly jobs: readonly JobRecord[]
  /** What is below this id has not been looked at; `null`: all has, or the page is full. */
  readonly searchedTo: number | null
}

/** A running processor, of any process. */
export interface WorkerRecord {
  readonly workerId: string
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly concurrency: number
  readonly groupConcurrency: number | null
  readonly jobTypes: readonly string[] | null
  readonly startedAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  readonly running: number
}

/** What `getStats` answers. */
export interface QueueStats {
  /** How many jobs each status holds now. `completed` counts what history still keeps. */
  readonly byStatus: Readonly<Record<JobStatus, number>>
  /** Ready to start this moment, waiting for nothing but a free slot. */
  readonly ready: number
  /** Waiting for their time: scheduled or between two attempts. */
  readonly timed: number
  /** Waiting for a place in their group. */
  readonly groupWaiting: number
  /** Waiting for jobs that they depend on. */
  readonly blocked: number
  /** Put aside by a pause. A paused job that no claim has met yet counts where it is. */
  readonly paused: number
  /** Age of the oldest ready job in milliseconds; `null` when none is ready. */
  readonly oldestReadyMs: number | null
  readonly workers: number
}

/** Reads what is stored. */
export interface InspectStore {
  getJob(options: { readonly id: number }): Promise<JobRecord | null>
  /** Newest id first. */
  listJobs(options: ListOptions): Promise<readonly JobRecord[]>
  /** As `listJobs`, but ends after a bounded amount of work, whatever the filter finds. `offset` is passed over. */
  searchJobs(options: SearchOptions): Promise<SearchResult>
  /** Oldest first; `id` is the event's position within the job. Empty for an unknown job. */
  listEvents(options: { readonly id: number }): Promise<readonly JobEvent[]>
  listWorkers(): Promise<readonly WorkerRecord[]>
  stats(): Promise<QueueStats>
  /** What decides when a job runs; `null` for a job that is not there. Rejects with `NOT_YET` without `features.explain`. */
  facts(options: { readonly id: number }): Promise<JobFacts | null>
  /** One row per impossible thing that is stored; empty when all is well. */
  checkInvariants(): Promise<readonly { readonly invariant: string; readonly detail: string }[]>
}

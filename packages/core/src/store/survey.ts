import type { FailureRecord } from '../model/failure.ts'
import type { Figures } from '../model/figures.ts'
import type { JobEdges } from '../model/job-graph.ts'
import type { LaneRecord } from '../model/lane-record.ts'
import type { StoreVitals } from '../model/vitals.ts'
import type { ListOptions } from './inspect.ts'

/** Which failures are listed, and how many. */
export interface ListFailuresOptions {
  readonly limit: number
  readonly jobType?: string
  readonly tenantId?: string
}

/** Which groups and queues are listed, and how many. */
export interface ListLanesOptions {
  /** At most so many of those with waiting jobs. */
  readonly limit: number
  readonly tenantId?: string
}

/** What an operator looks at. Every call reads a bounded number of rows, whatever the store holds. */
export interface SurveyStore {
  /** As `listJobs`, only the ids. */
  listJobIds(options: ListOptions): Promise<readonly number[]>
  /** Failed jobs with their last error: the latest dead letters, and those that will be tried again soonest; latest failure first. */
  listFailures(options: ListFailuresOptions): Promise<readonly FailureRecord[]>
  /** Groups and queues in which a job runs, is among the next to run, or waits for its place. */
  listLanes(options: ListLanesOptions): Promise<readonly LaneRecord[]>
  /** Who waits for whom, among the jobs whose ids are within `window` of `id`. Of a job at most `most` it waits for. */
  listEdges(options: { readonly id: number; readonly window: number; readonly most: number }): Promise<JobEdges>
  /** How many jobs each state holds, counted to a limit and estimated beyond it. */
  figures(): Promise<Figures>
  /** How the database itself is. */
  vitals(): Promise<StoreVitals>
}

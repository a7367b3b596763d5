import type { FinishedStatus } from '../model/job.ts'

/** Which jobs a clean-up deletes. */
export interface CleanupOptions {
  readonly daysToKeep: number
  readonly batch: number
  /** Default `'completed'`. */
  readonly status?: FinishedStatus
}

/** Takes back what is stuck, and deletes what is old. */
export interface MaintainStore {
  /**
   * Gives back attempts that began more than `minutes` (or their own `timeoutMs`, if longer) ago and whose worker is not
   * alive; the number given back. A live worker's job is never taken.
   */
  reclaimStuck(options: { readonly minutes: number }): Promise<number>
  /**
   * Deletes jobs that ended in this status longer ago than this, `batch` at a time; the number deleted. One that failed or was
   * cancelled stays while another waits for it.
   */
  cleanupJobs(options: CleanupOptions): Promise<number>
  /** Drops recorded events older than this from finished jobs; the number dropped. */
  cleanupEvents(options: { readonly daysToKeep: number; readonly batch: number }): Promise<number>
  /** Makes the history partitions of the days ahead, forgets stale rows; safe to call at any time from any node. */
  upkeep(): Promise<void>
}

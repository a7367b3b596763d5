import { MillraceError } from '../errors.ts'
import { describe } from './check.ts'
import type { JobDependsOn, JobStatus } from './job.ts'

/** A job that another depends on, as that one's handler sees it. */
export interface JobDependency {
  readonly id: number
  /** Its name in the flow; `null` for a job that was not added by `addFlow`. */
  readonly name: string | null
  /** `null` if it is not stored any more. */
  readonly jobType: string | null
  /** One that is not stored any more counts as completed. */
  readonly status: JobStatus
  /** What it returned; `null` if nothing, or not stored any more. */
  readonly output: unknown
  /** The message of its last error, if it failed for good. */
  readonly error: string | null
}

/** How jobs that another depends on stand. A failure that will be retried is unfinished. */
export interface DependencyCounts {
  readonly total: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  readonly unfinished: number
}

/**
 * A placeholder for the id of the job at `index` of the same `addJobs` call, for `dependsOn.jobIds`: `-(index + 1)`.
 *
 * @throws MillraceError `OPTION_INVALID` unless `index` is a whole number from 0.
 */
export function batchDepRef(index: number): number {
  if (Number.isSafeInteger(index) && index >= 0) return -(index + 1)
  const got = typeof index === 'number' ? String(index) : describe(index)
  throw new MillraceError('OPTION_INVALID', `batchDepRef: expected non-negative integer index, got ${got}`, {
    details: { field: 'index', value: index, remedy: 'Pass the position of a job in the same array' },
  })
}

/** Both lists without duplicates, in the order given; `undefined` for one that is empty or absent. */
export function normalizeDependsOn(dependsOn?: JobDependsOn): {
  readonly jobIds: number[] | undefined
  readonly tags: string[] | undefined
} {
  return { jobIds: distinct(dependsOn?.jobIds), tags: distinct(dependsOn?.tags) }
}

function distinct<T>(items: readonly T[] | null | undefined): T[] | undefined {
  return items && items.length > 0 ? [...new Set(items)] : undefined
}

/**
 * `jobIds` with each placeholder of `batchDepRef` replaced by the id it stands for.
 *
 * @param insertedIds - Ids of the jobs before, by their position in the batch.
 * @throws MillraceError `OPTION_INVALID` for a placeholder of a job that does not come before.
 */
export function resolveDependsOnJobIdsForBatch(jobIds: readonly number[], insertedIds: readonly number[]): number[] {
  return jobIds.map((jobId) => {
    if (jobId >= 0) return jobId
    const index = -jobId - 1
    const inserted = insertedIds[index]
    if (inserted !== undefined) return inserted
    const count = insertedIds.length
    return refuseBatchRef(jobId, count)
  })
}

/**
 * Throws if a job of a batch refers to one that does not come before it.
 *
 * @param index - Its own place in the batch.
 * @throws MillraceError `OPTION_INVALID`
 */
export function refuseLaterJobs(dependsOn: JobDependsOn | null | undefined, index: number): void {
  const jobIds: unknown = dependsOn?.jobIds
  if (!Array.isArray(jobIds)) return
  const later: unknown = jobIds.find((id) => typeof id === 'number' && id < -index)
  if (typeof later === 'number') refuseBatchRef(later, index)
}

function refuseBatchRef(jobId: number, count: number): never {
  const message = `Invalid batch-relative job id ${jobId}: index ${-jobId - 1} out of range for ${count} inserted job(s)`
  throw new MillraceError('OPTION_INVALID', message, {
    details: { field: 'dependsOn.jobIds', value: jobId, remedy: 'Refer to a job that comes earlier in the array' },
  })
}

/** Whether a job with `holderTags` has every one of `requiredTags`. No required tags match nothing. */
export function tagsAreSuperset(
  holderTags: readonly string[] | null | undefined,
  requiredTags: readonly string[] | null | undefined,
): boolean {
  if (!holderTags || !requiredTags || requiredTags.length === 0) return false
  return requiredTags.every((tag) => holderTags.includes(tag))
}

import type { JobQueue } from '../queue-api.ts'
import type { DatabaseClient } from '../store/enqueue.ts'

/** `addJob` and `addJobs` of a queue, tied to one transaction. */
export type JobsIn<PayloadMap> = Pick<JobQueue<PayloadMap>, 'addJob' | 'addJobs'>

/**
 * A queue's `addJob` and `addJobs` in one transaction, for when several calls follow:
 * `const jobs = jobsIn(queue, fromKysely(trx))`.
 */
export function jobsIn<PayloadMap>(queue: JobsIn<PayloadMap>, db: DatabaseClient): JobsIn<PayloadMap> {
  return {
    addJob: (job, options) => queue.addJob(job, { ...options, db }),
    addJobs: (jobs, options) => queue.addJobs(jobs, { ...options, db }),
  }
}

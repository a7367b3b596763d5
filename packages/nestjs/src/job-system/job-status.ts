import type { JobEntity, JobSystemStatus } from './job-entity.ts'
import { prettifyMs } from './prettify-ms.ts'

/** What `getJobStatus` answers, for an API to pass on. */
export interface JobSystemJobStatus {
  readonly id: string
  readonly type: string
  readonly name: string | null
  readonly status: JobSystemStatus
  /** 0 to 1. */
  readonly progress: number
  readonly message: string | null
  readonly error: string | null
  readonly result: string | null
  readonly uploadedFileURL: string | null
  readonly createdAt: Date
  readonly scheduledAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  /** How long the job has run, or ran, such as `1m 5s`; `null` before it starts. */
  readonly timeElapsed: string | null
  readonly timeElapsedMs: number | null
  /** How long the rest will take, by what the handler last said, such as `30s`; `null` when it did not, or the job has ended. */
  readonly timeToComplete: string | null
  readonly timeToCompleteMs: number | null
  readonly cancelRequested: boolean
  readonly canceledBy: string | null
}

export function jobStatus(job: JobEntity, now: Date): JobSystemJobStatus {
  const { startedAt, finishedAt, estimatedAt } = job
  const timeElapsedMs = startedAt === null ? null : Math.max(0, (finishedAt ?? now).getTime() - startedAt.getTime())
  const timeToCompleteMs =
    estimatedAt === null || job.status !== 'processing' ? null : Math.max(0, estimatedAt.getTime() - now.getTime())
  return {
    id: job.id,
    type: job.type,
    name: job.name,
    status: job.status,
    progress: job.progress,
    message: job.message,
    error: job.error,
    result: job.result,
    uploadedFileURL: job.uploadedFileURL,
    createdAt: job.createdAt,
    scheduledAt: job.scheduledAt,
    startedAt,
    finishedAt,
    timeElapsed: timeElapsedMs === null ? null : prettifyMs(timeElapsedMs),
    timeElapsedMs,
    timeToComplete: timeToCompleteMs === null ? null : prettifyMs(timeToCompleteMs),
    timeToCompleteMs,
    cancelRequested: job.cancelRequested,
    canceledBy: job.canceledBy,
  }
}

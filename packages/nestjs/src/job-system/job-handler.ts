import type { JobEntity } from './job-entity.ts'

/** A job's `data`: whatever JSON it was registered with. */
// oxlint-disable-next-line typescript/no-explicit-any -- programs written for the job system read it without a type
export type JobData = any

/**
 * Says how far a job is. What it says is stored; a failure to store it does not fail the job.
 *
 * @param fraction - 0 to 1; what is beyond is taken for the bound.
 * @param message - Stays until another one is given.
 * @param timeToCompleteMs - How long the rest will take, in milliseconds.
 */
export type UpdateFn = (fraction: number, message?: string, timeToCompleteMs?: number) => Promise<void>

/** Whether to stop: the job was cancelled, or the process shuts down. A handler that returns then is recorded as stopped, not as done. */
export type IsCancelledFn = () => Promise<boolean>

/** What the context factory of a type makes. */
export type JobContext = object

/** Runs one job. What it throws fails the job. `signal` fires when `isCancelled` turns true. */
export type JobHandlerFn<Context = JobData> = (
  update: UpdateFn,
  isCancelled: IsCancelledFn,
  context: Context,
  signal: AbortSignal,
) => Promise<void>

/** Makes the handler of one job of its data. */
export type JobHandlerFactory = (jobData: JobData) => JobHandlerFn

/** Makes what the handler of one job is given. */
export type JobContextFactory = (job: JobEntity) => Promise<JobContext> | JobContext

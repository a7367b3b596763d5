import { fatal, isMillraceError, type JobContext as AttemptContext, MillraceError } from 'millrace'
import type { JobEntity } from './job-entity.ts'
import type { UpdateFn } from './job-handler.ts'
import { type Envelope, refused } from './job-input.ts'
import type { CompleteType } from './registry.ts'

/** One attempt, as the engine hands it over. */
export interface JobAttempt {
  readonly payload: Envelope
  readonly signal: AbortSignal
  readonly ctx: AttemptContext
}

/**
 * Runs the handler of a job: with its context, with what it says stored as progress, and with the outcome that the job system
 * promises. An error is final unless the job asked for attempts. A handler that returns because it was told to stop has not done its
 * job: what stopped it is thrown on, so that the job ends cancelled, or is handed back by a shutdown, and is not taken for done.
 */
export async function runJob(
  { handler, context }: CompleteType,
  { payload, signal, ctx }: JobAttempt,
  find: (id: number) => Promise<JobEntity | null>,
): Promise<void> {
  let toldToStop = false
  const isCancelled = (): Promise<boolean> => {
    if (signal.aborted) toldToStop = true
    return Promise.resolve(signal.aborted)
  }
  try {
    const job = await find(ctx.jobId)
    if (job === null) throw new MillraceError('JOB_NOT_FOUND', `The job ${ctx.jobId} has been deleted.`)
    const made = await context(job)
    const run = handler(payload.data)
    await run(updater(ctx), isCancelled, made, signal)
  } catch (error) {
    throw payload.jobSystem.retries === true ? error : fatal(error)
  }
  if (toldToStop) throw signal.reason
}

function updater(ctx: AttemptContext): UpdateFn {
  let said: string | undefined
  return async (fraction, message, timeToCompleteMs) => {
    if (typeof fraction !== 'number' || Number.isNaN(fraction))
      throw refused('fraction', fraction, 'a number from 0 to 1')
    const bounded = Math.min(1, Math.max(0, fraction))
    said = message ?? said
    const etaAt = timeToCompleteMs === undefined ? undefined : new Date(Date.now() + timeToCompleteMs).toISOString()
    const output = {
      jobSystem: { fraction: bounded, ...(said !== undefined && { message: said }), ...(etaAt && { etaAt }) },
    }
    try {
      await Promise.all([ctx.setOutput(output), ctx.setProgress(bounded * 100)])
    } catch (error) {
      // The attempt was ended meanwhile, and nobody asks any more how far it is.
      if (!isMillraceError(error, 'LEASE_LOST')) throw error
    }
  }
}

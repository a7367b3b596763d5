import { isMillraceError } from '../errors.ts'
import { askRetryFunction, nextDelayMs, type RetryFunction } from '../model/backoff.ts'
import { recordError } from '../model/error-record.ts'
import { assertNever, type Outcome } from '../model/outcome.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { NewJob } from '../store/enqueue.ts'
import type { Settlement } from '../store/settle.ts'

export interface DecideContext {
  readonly workerId: string
  /** For the record only. */
  readonly now: () => Date
  /** Uniform in `[0, 1)`. */
  readonly random: () => number
  /** The type's own policy, with the payload it is told; jobs with retry options of their own do not ask it. */
  readonly retry?: { readonly ask: RetryFunction; readonly payload: () => unknown }
  /** A retry function that throws or answers nonsense. */
  readonly onPolicyError: (error: unknown) => void
}

/** What must be recorded of an attempt whose handler returned: the usual case, which needs no further context. */
export function completion(
  job: ClaimedJob,
  { output, hasSteps }: Extract<Outcome, { kind: 'returned' }>,
  children: readonly NewJob[] = [],
): Settlement {
  const { id, token } = job
  const plain: Settlement =
    output === undefined ? { id, token, kind: 'completed' } : { id, token, kind: 'completed', output }
  const settlement = children.length === 0 ? plain : { ...plain, children }
  return hasSteps === true || job.isAgain === true ? { ...settlement, hasSteps: true } : settlement
}

/** What must be recorded of an attempt, or `null` when the lease is gone and nothing may be. Pure but for `random`. */
export function decideSettlement(job: ClaimedJob, outcome: Outcome, context: DecideContext): Settlement | null {
  const { id, token } = job
  switch (outcome.kind) {
    case 'returned':
      return completion(job, outcome)
    case 'snoozed':
      return { id, token, kind: 'snoozed', delayMs: outcome.delayMs }
    case 'released':
      return { id, token, kind: 'released', ...(outcome.isUnstarted === true ? { isUnstarted: true } : {}) }
    case 'cancelled':
      return { id, token, kind: 'cancelled' }
    case 'waiting':
      return { id, token, kind: 'waiting', waits: outcome.waits }
    case 'committed':
    case 'lost':
      return null
    case 'fatal':
    case 'threw': {
      const { reason } = outcome
      const error = recordError(outcome.error, {
        reason,
        attempt: job.attempt,
        workerId: context.workerId,
        now: context.now(),
      })
      const delayMs =
        outcome.kind === 'fatal' || job.attempt >= job.maxAttempts ? false : retryDelayMs(job, outcome.error, context)
      return delayMs === false
        ? { id, token, kind: 'failed', error, reason }
        : { id, token, kind: 'retry', delayMs, error, reason }
    }
    default:
      return assertNever(outcome)
  }
}

function retryDelayMs(job: ClaimedJob, error: unknown, context: DecideContext): number | false {
  const { retry, random } = context
  const hasOwn = job.retry.delay !== null || job.retry.backoff !== null || job.retry.delayMax !== null
  if (retry === undefined || hasOwn || isMillraceError(error, 'NO_HANDLER'))
    return nextDelayMs(job.retry, job.attempt, random)
  return askRetryFunction(
    retry.ask,
    { attempt: job.attempt, maxAttempts: job.maxAttempts, error, jobType: job.jobType, payload: retry.payload() },
    { retry: job.retry, random, onError: context.onPolicyError },
  )
}

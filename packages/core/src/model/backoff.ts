import { MAX_DURATION_MS, checkInteger } from './check.ts'
import { DEFAULTS } from './options.ts'

/** A job's own retry options in seconds; all `null` means the default formula. */
export interface RetryOptions {
  readonly delay: number | null
  readonly backoff: boolean | null
  readonly delayMax: number | null
}

/** What a retry function is told about the attempt that failed. */
export interface RetryContext<Payload = unknown> {
  /** The attempt that failed, counted from 1. */
  readonly attempt: number
  readonly maxAttempts: number
  /** What the handler threw. */
  readonly error: unknown
  readonly jobType: string
  readonly payload: Payload
}

/** Milliseconds until the next attempt, or `false` to give up at once. */
export type RetryFunction<Payload = unknown> = (context: RetryContext<Payload>) => number | false

/**
 * How the jobs of a type are retried: the stored options under shorter names, in seconds, or a function that a worker
 * asks after each failure. A function cannot be stored, so it belongs to the definition of a type, not to a job.
 */
export type RetryPolicy<Payload = unknown> =
  | {
      readonly delay?: number | undefined
      readonly backoff?: boolean | undefined
      readonly delayMax?: number | undefined
    }
  | RetryFunction<Payload>

/** Beyond this exponent every delay is above every cap; it keeps `0 * 2 ** attempt` from becoming `NaN`. */
const MAX_EXPONENT = 64

/**
 * Delay before the next attempt, in whole milliseconds.
 *
 * - No option set: `2 ** attempt` minutes, at most 24 hours, without jitter.
 * - `backoff` true, its default once any option is set: uniform in `[ceiling / 2, ceiling)` where
 *   `ceiling = min(delayMax, delay * 2 ** attempt)` seconds; `delay` is 60 by default, `delayMax` 24 hours, or `delay`
 *   itself where that is longer.
 * - `backoff` false: `delay` seconds, whatever `delayMax` says.
 *
 * `backoff.vectors.json` holds examples that every implementation of this formula must give.
 *
 * @param attempt - The attempt that failed, counted from 1.
 * @param random - Uniform in `[0, 1)`; tests pass a constant.
 * @throws MillraceError `OPTION_INVALID` if `attempt` is not a positive integer.
 * @see M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function nextDelayMs(retry: RetryOptions, attempt: number, random: () => number = Math.random): number {
  checkInteger('attempt', attempt, { min: 1, max: Number.MAX_SAFE_INTEGER, remedy: 'Attempts count from 1' })
  const growth = 2 ** Math.min(attempt, MAX_EXPONENT)
  if (retry.delay === null && retry.backoff === null && retry.delayMax === null) {
    return Math.min(DEFAULTS.retry.delayMax, growth * 60) * 1000
  }
  const delay = retry.delay ?? DEFAULTS.retry.delay
  if (retry.backoff === false) return Math.round(delay * 1000)
  const ceiling = Math.min(retry.delayMax ?? Math.max(DEFAULTS.retry.delayMax, delay), delay * growth)
  return Math.round(ceiling * (0.5 + random() / 2) * 1000)
}

/**
 * What a retry function answers, or the formula of `nextDelayMs` where it throws or answers nonsense: a faulty policy
 * must not cost a job its retries. Its fault is told to `onError`.
 *
 * @returns Whole milliseconds, at most ten years, or `false`: no more attempts.
 */
export function askRetryFunction<Payload>(
  ask: RetryFunction<Payload>,
  context: RetryContext<Payload>,
  fallback: { readonly retry: RetryOptions; readonly random: () => number; readonly onError: (error: unknown) => void },
): number | false {
  try {
    const answer: unknown = ask(context)
    if (answer === false) return false
    if (typeof answer === 'number' && answer >= 0) return Math.round(Math.min(answer, MAX_DURATION_MS))
    throw new TypeError(
      `the retry function of \`${context.jobType}\` answered ${String(answer)}; answer milliseconds or false`,
    )
  } catch (error) {
    fallback.onError(error)
    return nextDelayMs(fallback.retry, context.attempt, fallback.random)
  }
}

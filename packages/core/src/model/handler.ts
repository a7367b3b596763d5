import type { DependencyCounts, JobDependency } from './dependencies.ts'
import type { JobSchedule } from './job.ts'

/** How long `ctx.waitFor` waits; at least one field, and fields add up. A month is 30 days, a year 365. */
export interface WaitDuration {
  readonly seconds?: number
  readonly minutes?: number
  readonly hours?: number
  readonly days?: number
  readonly weeks?: number
  readonly months?: number
  readonly years?: number
}

export interface CreateTokenOptions {
  /** Digits and `s`, `m`, `h` or `d`, at most 365 days, such as `'24h'`. Default: no limit. */
  readonly timeout?: string
  readonly tags?: readonly string[]
}

/** A handle that something outside completes, to let a waiting job go on. */
export interface WaitToken {
  readonly id: string
}

/** What became of a token. `error` says that it timed out. */
export type WaitTokenResult<T = unknown> =
  | { readonly ok: true; readonly output: T }
  | { readonly ok: false; readonly error: string }

/**
 * Called when the time limit of an attempt is reached, before its signal aborts. A positive number of milliseconds
 * extends the limit by that much from now; anything else, or a throw, lets the timeout proceed.
 */
export type OnTimeoutCallback = () => number | undefined | void

/**
 * What a handler knows of the attempt it runs in, and what it can say about it. Its methods can be destructured. Once
 * the attempt is over they do nothing that anyone could see.
 */
export interface JobContext {
  readonly jobId: number
  readonly jobType: string
  /** This attempt's number, counted from 1. */
  readonly attempt: number
  readonly maxAttempts: number
  /** In the order given; empty when the job has none. */
  readonly tags: readonly string[]
  readonly idempotencyKey: string | null
  readonly groupId: string | null
  readonly tenantId: string | null
  readonly workerId: string
  readonly createdAt: Date
  /** Of the handler that the job first started under, which is the one that runs; `null` when it declares none. */
  readonly handlerVersion: number | null
  /** The schedule that added the job, and for which of its times; `null` for a job that was added otherwise. */
  readonly schedule: JobSchedule | null
  /** The handler's second argument: aborts on timeout, cancellation, a lost lease and at the end of a drain. */
  readonly signal: AbortSignal
  /** Sets the time limit to `ms` from now; without it, to the job's `timeoutMs`. No effect without `timeoutMs`. */
  readonly prolong: (ms?: number) => void
  /** Sets the one timeout callback; a later one replaces it. No effect without `timeoutMs`. */
  readonly onTimeout: (callback: OnTimeoutCallback) => void
  /**
   * Stores how far the job is, for `getJob`.
   *
   * @param percent - 0 to 100, rounded; anything else rejects with `OPTION_INVALID`.
   */
  readonly setProgress: (percent: number) => Promise<void>
  /** Stores the job's output; the last one wins, and the returned value is then ignored. Rejects with `OUTPUT_INVALID`. */
  readonly setOutput: (value: unknown) => Promise<void>
  /** What the job depends on by id, with outputs, in the order given; read when called. Empty if it depends on none. */
  readonly dependencies: () => Promise<readonly JobDependency[]>
  /** How many of them ended in which way, such as the jobs of a batch for its `onComplete`. */
  readonly dependencyCounts: () => Promise<DependencyCounts>
  /** Runs `fn` once for this job and remembers its result by `name` across attempts. Not there yet: `NOT_YET`. */
  readonly run: <T>(name: string, fn: () => T | Promise<T>) => Promise<T>
  /** Suspends the job without holding a slot. Not there yet: `NOT_YET`. */
  readonly waitFor: (duration: WaitDuration) => Promise<void>
  /** Suspends the job until `date`. Not there yet: `NOT_YET`. */
  readonly waitUntil: (date: Date) => Promise<void>
  /** Makes a token tied to this job. Not there yet: `NOT_YET`. */
  readonly createToken: (options?: CreateTokenOptions) => Promise<WaitToken>
  /** Suspends the job until the token is completed or times out. Not there yet: `NOT_YET`. */
  readonly waitForToken: <T = unknown>(tokenId: string) => Promise<WaitTokenResult<T>>
}

/**
 * The user's function. What it returns or resolves to becomes the job's output, unless it is `undefined` or
 * `snooze(ms)`; what it throws fails the attempt. Both spellings mean the same: `JobHandler<Payload>` and
 * `JobHandler<PayloadMap, 'email'>`.
 */
export type JobHandler<P = unknown, T extends keyof P = never> = [T] extends [never]
  ? (payload: P, signal: AbortSignal, ctx: JobContext) => unknown
  : (payload: P[T], signal: AbortSignal, ctx: JobContext) => unknown

/** A handler for every job type of the map. */
export type JobHandlers<PayloadMap> = {
  readonly [T in keyof PayloadMap]: (payload: PayloadMap[T], signal: AbortSignal, ctx: JobContext) => unknown
}

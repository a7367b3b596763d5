import type { DependencyCounts, JobDependency } from './dependencies.ts'
import type { JobDependsOn, JobSchedule } from './job.ts'
import type { LogLevel } from './log.ts'
import type { AnyJobOptions } from './options.ts'
import type { TransactionClient, TransactionOptions } from './transaction.ts'

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

/** What `createToken` takes. */
export interface CreateTokenOptions {
  /** Digits and `s`, `m`, `h` or `d`, at most 365 days, such as `'24h'`. Default: no limit. */
  readonly timeout?: string
  readonly tags?: readonly string[]
}

/** A handle that something outside completes, to let a waiting job go on. */
export interface WaitToken {
  readonly id: string
}

/** What became of a token, signal or event. `error` says that it timed out. */
export type WaitTokenResult<T = unknown> =
  | { readonly ok: true; readonly output: T }
  | { readonly ok: false; readonly error: string }

/** What every wait takes. */
export interface WaitOptions {
  /**
   * What the wait is known by when the handler runs again, 1 to 255 characters, once per attempt. Default: its position
   * among the waits without a name, so that adding one before it needs a name, or a new job type.
   */
  readonly name?: string | undefined
}

/** What waits for somebody else take. */
export interface WaitLimits extends WaitOptions {
  /** Digits and `s`, `m`, `h` or `d`, at most 365 days, such as `'24h'`. Default: no limit. */
  readonly timeout?: string | undefined
}

/** How a step is tried again within its attempt, holding its slot. */
export interface StepRetry {
  /** Tries in all, 1 to 100. Default 3. */
  readonly attempts?: number | undefined
  /** Before the second try, in milliseconds, 0 to 3,600,000. Default 1000. */
  readonly delayMs?: number | undefined
  /** Whether the delay doubles with each try. Default `true`. */
  readonly backoff?: boolean | undefined
  /** The longest delay in milliseconds. Default 30,000. */
  readonly maxDelayMs?: number | undefined
}

/** What `ctx.run` takes besides the name and the function. */
export interface StepOptions {
  /** Default: one try; what it throws goes on to the handler. */
  readonly retry?: StepRetry | undefined
  /** A try that takes longer rejects with `STEP_TIMEOUT`, in milliseconds, 1 to 2,147,483,647. Default: no limit. */
  readonly timeoutMs?: number | undefined
}

/** What a step knows of the try it runs in. */
export interface StepContext {
  /** Counted from 1 in each attempt. */
  readonly tryNumber: number
  /** Fires when the step's time is up, and with the attempt's signal. */
  readonly signal: AbortSignal
}

/** A job that is added when the attempt that asked for it completes. It has no id before that. */
export interface PendingChild {
  /** Its place among the children of the attempt, counted from 0. */
  readonly position: number
}

/** A job that a handler adds. */
export interface ChildJob extends Omit<AnyJobOptions, 'dependsOn'> {
  readonly dependsOn?:
    | (JobDependsOn & {
        /** Children of this attempt, added before with it, that must have completed. */
        readonly children?: readonly PendingChild[] | undefined
      })
    | undefined
}

/** What `ctx.addJob` and `ctx.addJobs` take besides jobs. */
export interface ChildOptions {
  /**
   * `'completed'`, the default: in the statement that completes this attempt; one that fails, is retried or suspends itself adds
   * nothing. `'now'`: at once, under a key of this job, so that a later run of the handler finds it instead of adding it again.
   */
  readonly when?: 'completed' | 'now' | undefined
  /**
   * With `when: 'now'`, what the job is known by when the handler runs again: 1 to 200 characters without `#`, once per attempt.
   * Default: its position among those without a name, within its step.
   */
  readonly name?: string | undefined
}

/** Adds one job. Its id if it was added at once. */
export interface AddChild {
  (job: ChildJob, options: ChildOptions & { readonly when: 'now' }): Promise<number>
  (job: ChildJob, options?: ChildOptions & { readonly when?: 'completed' | undefined }): Promise<PendingChild>
}

/** Adds several jobs, all or none. Their ids if they were added at once. */
export interface AddChildren {
  (jobs: readonly ChildJob[], options: ChildOptions & { readonly when: 'now' }): Promise<readonly number[]>
  (
    jobs: readonly ChildJob[],
    options?: ChildOptions & { readonly when?: 'completed' | undefined },
  ): Promise<readonly PendingChild[]>
}

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
  /**
   * Stores a line for `queue.getJobLogs`, a moment later or when the attempt ends; the last 1,000 of the job stay, and at most 1 MB.
   * Does not wait and does not fail for the store. Texts are cut to 8,000 characters; fields of more than 16,000 characters as JSON,
   * or that are no JSON, are left out with a note. Throws `OPTION_INVALID` for anything but these types.
   *
   * @param level - Default `'info'`.
   */
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>, level?: LogLevel) => void
  /** What the job depends on by id, with outputs, in the order given; read when called. Empty if it depends on none. */
  readonly dependencies: () => Promise<readonly JobDependency[]>
  /** How many of them ended in which way, such as the jobs of a batch for its `onComplete`. */
  readonly dependencyCounts: () => Promise<DependencyCounts>
  /**
   * Adds a job when this attempt completes, or at once with `{ when: 'now' }`. A job of a tenant adds jobs of that tenant. In a step
   * only `'now'` is possible. Rejects as `queue.addJob` does; a prerequisite that does not exist fails the attempt for good.
   */
  readonly addJob: AddChild
  /** The same for several; `batchDepRef(index)` in `dependsOn.jobIds` stands for an earlier one of the same call. */
  readonly addJobs: AddChildren
  /**
   * Runs `fn` and stores its result under `name`: in whatever later run of the handler, the result is returned and `fn` not
   * called. Resolves once the result is stored. Dates, maps, sets, bigints, bytes and `undefined` come back as they were;
   * instances of other classes as JSON has them, also the first time. Steps may run side by side.
   *
   * Rejects with what `fn` throws; the next attempt then runs it again. Codes: `STEP_DUPLICATE`, `STEP_TIMEOUT`,
   * `STEP_RESULT_INVALID`, `LEASE_LOST`.
   *
   * @param name - 1 to 255 characters, once per attempt, and the same in each.
   */
  readonly run: <T>(name: string, fn: (step: StepContext) => T | Promise<T>, options?: StepOptions) => Promise<T>
  /**
   * A step that writes to the queue's database: what `fn` does through `tx` and the step's result are committed together, or
   * neither is. `timeoutMs` is the transaction's limit, 5000 by default; it holds a connection meanwhile. Inside, waits, further
   * transactions and `setProgress` are refused with `IN_TRANSACTION`.
   */
  readonly runTx: <T>(
    name: string,
    fn: (tx: TransactionClient, step: StepContext) => Promise<T>,
    options?: StepOptions,
  ) => Promise<T>
  /**
   * Completes the job in one transaction with what `fn` does through `tx`: both or neither, whatever fails. What `fn` resolves
   * with becomes the job's output and the answer of this call; what the handler does or returns afterwards has no effect.
   * Rejects, with everything rolled back, when `fn` does, when it takes longer than `timeoutMs`, or with `LEASE_LOST`.
   */
  readonly transaction: <T>(fn: (tx: TransactionClient) => Promise<T>, options?: TransactionOptions) => Promise<T>
  /**
   * Suspends the job for so long, by the database's clock: nothing is held meanwhile, and no attempt used. The handler is then
   * called again from the top. A promise of a wait that is not over never settles, so that code after it does not run.
   */
  readonly waitFor: (duration: WaitDuration, options?: WaitOptions) => Promise<void>
  /** As `waitFor`, until `date`. */
  readonly waitUntil: (date: Date, options?: WaitOptions) => Promise<void>
  /** Makes a token tied to this job; in a later run of the handler the same one. */
  readonly createToken: (options?: CreateTokenOptions) => Promise<WaitToken>
  /** Suspends the job until the token is completed or times out, whoever made it. Rejects with `TOKEN_NOT_FOUND`. */
  readonly waitForToken: <T = unknown>(tokenId: string, options?: WaitLimits) => Promise<WaitTokenResult<T>>
  /** Suspends the job until `queue.signalJob` sends it `name`; one sent before counts, each for one wait. */
  readonly waitForSignal: <T = unknown>(name: string, options?: WaitLimits) => Promise<WaitTokenResult<T>>
  /**
   * Suspends the job until somebody calls `queue.sendEvent` with `name` and data that contains `filter`. One sent before the
   * handler came here does not count.
   */
  readonly waitForEvent: <T = unknown>(
    name: string,
    options?: WaitLimits & { readonly filter?: Readonly<Record<string, unknown>> | undefined },
  ) => Promise<WaitTokenResult<T>>
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

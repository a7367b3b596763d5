/** Longer traces are not stored. */
const MAX_TRACE_LENGTH = 1000

/** Jobs that a caller is about to add, in one call. */
export interface TracedAdd {
  /** One for each job, in order. */
  readonly jobTypes: readonly string[]
  /** They are added in a transaction of the caller, and the `job.added` hook is not told of them. */
  readonly isInTransaction: boolean
}

/** An attempt whose handler is about to be called. */
export interface TracedAttempt {
  readonly jobId: number
  readonly jobType: string
  /** Counted from 1. */
  readonly attempt: number
  readonly workerId: string
  /** What `send` gave the job when it was added; `null` for none. */
  readonly trace: string | null
  /** ISO 8601, by the store's clock. */
  readonly createdAt: string
  readonly groupId: string | null
  readonly tenantId: string | null
}

/** A step that is about to be tried, perhaps several times; not one whose result is remembered. */
export interface TracedStep {
  readonly name: string
  readonly jobId: number
  readonly attempt: number
  readonly workerId: string
}

/**
 * What surrounds work with spans, where a hook could only tell of it. Everything is called in the context of whoever adds or runs; what
 * a method throws of its own would fail that work, so it should not. How an attempt ended is told by the hook `job.settled`.
 */
export interface JobTracer {
  /**
   * Calls `add` once and answers what it answers. What is passed to it travels with the jobs: at most 1,000 characters, more is
   * dropped; `null` for nothing.
   */
  send<T>(adding: TracedAdd, add: (trace: string | null) => Promise<T>): Promise<T>
  /** The context of this moment, for jobs that a handler adds. */
  current(): string | null
  /** Calls the handler by `call`, once and before it returns, and answers what that answers. */
  attempt<T>(attempt: TracedAttempt, call: () => T): T
  step<T>(step: TracedStep, run: () => Promise<T>): Promise<T>
}

/** `jobs`, each with the trace. Costs nothing without one. */
export function withTrace<J extends { readonly trace?: string }>(
  jobs: readonly J[],
  trace: string | null,
): readonly J[] {
  if (trace === null || trace === '' || trace.length > MAX_TRACE_LENGTH) return jobs
  return jobs.map((job) => ({ ...job, trace }))
}

import type { MillraceError } from '../errors.ts'
import type { Clock } from '../model/clock.ts'
import type { Outcome } from '../model/outcome.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { DependencyStore } from '../store/dependencies.ts'
import type { NewLogLine } from '../model/log.ts'
import type { NewJob } from '../store/enqueue.ts'
import type { ReportOptions, SettleResult } from '../store/settle.ts'
import type { WorkflowSettings } from './workflow-host.ts'

export const DEFAULT_CANCEL_GRACE_MS = 5_000

/** What all attempts of one worker share. */
export interface RunSettings {
  readonly clock: Clock
  readonly workerId: string
  /** For steps, waits and transactions. */
  readonly workflow: WorkflowSettings
  /** Stores a report of a running attempt. Only `'lost'` says that the lease is gone; a rejection is a store that fails. */
  readonly report: (report: ReportOptions) => Promise<SettleResult>
  /** Reads what a job depends on. Default: nothing. */
  readonly dependencies?: Pick<DependencyStore, 'listDependencies' | 'countDependencies'>
  /** Takes what handlers log. Default: nobody does. */
  readonly logs?: {
    readonly add: (job: ClaimedJob, line: NewLogLine) => void
    /** Resolves once what was added has been sent, well or not. */
    readonly flush: () => Promise<void>
  }
  /** Time limit of jobs without their own, in milliseconds. Default: none. */
  readonly defaultTimeoutMs?: number
  /** How long a handler may go on after its job was cancelled. Default 5,000. */
  readonly cancelGraceMs?: number
  readonly onProgress?: (job: ClaimedJob, progress: number) => void
  readonly onOutput?: (job: ClaimedJob, output: unknown) => void
  /** A report could not be stored; the handler is not told. */
  readonly onReportError?: (job: ClaimedJob, error: unknown) => void
  /**
   * There is an outcome: called in the very moment, which may be before `startAttempt` has returned. For whoever starts thousands a
   * second, and would make a promise and two functions for each by asking for `outcome`.
   */
  readonly onEnded?: (attempt: Attempt, outcome: Outcome) => void
  /** An attempt has a time limit, which is over at `deadline` of the clock: before its handler is called, which may never return. */
  readonly onLimit?: (deadline: number) => void
}

/** One execution of a job, from the call of its handler to its outcome. */
export interface Attempt {
  readonly job: ClaimedJob
  /** As `clock.now()` counts. */
  readonly startedAt: number
  /** Never rejects. */
  readonly outcome: Promise<Outcome>
  /** Jobs to add with its completion, once there is an outcome. */
  readonly children: readonly NewJob[]
  /** When its time limit ends, as `clock.now()` counts; `null` without one. Moves with `prolong`. */
  readonly deadline: number | null
  /**
   * Fires the handler's signal with `reason`, whose code decides what follows:
   *
   * - `LEASE_LOST`: the outcome is `lost` at once, and whatever the handler still does is ignored.
   * - `JOB_CANCELLED`: `cancelled` when the handler rejects, or after the grace; `returned` if it resolves before.
   * - any other, as `SHUTTING_DOWN`: the same with `released`.
   *
   * @param graceMs - Default `cancelGraceMs`. A later call shortens a running grace, never extends it.
   */
  abort(reason: MillraceError, graceMs?: number): void
}

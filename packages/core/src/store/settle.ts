import type { FailureReason, JobError } from '../model/job.ts'
import type { NewJob } from './enqueue.ts'

interface Attempt {
  readonly id: number
  readonly token: number
}

/** What must be recorded of one attempt. Each is fenced by `(id, token)`. */
export type Settlement =
  /** Done; `output` is JSON text, absent when the handler gave none (an output set earlier stays). */
  | (Attempt & {
      readonly kind: 'completed'
      readonly output?: string
      /** The job may have steps, which go with it where no history is kept. */
      readonly hasSteps?: true
      /** Jobs that are added in the statement that completes this one, or not at all; placeholders count within them. */
      readonly children?: readonly NewJob[]
    })
  /** Another attempt follows after `delayMs`. */
  | (Attempt & {
      readonly kind: 'retry'
      readonly delayMs: number
      readonly error: JobError
      readonly reason: FailureReason
    })
  /** Final. Makes the dead-letter job when the job names a type for it. */
  | (Attempt & { readonly kind: 'failed'; readonly error: JobError; readonly reason: FailureReason })
  /** Runs again after `delayMs` without having used up an attempt. */
  | (Attempt & { readonly kind: 'snoozed'; readonly delayMs: number })
  /** Handed back at a drain: ready again at once, in its old place, without having used up an attempt. */
  | (Attempt & {
      readonly kind: 'released'
      /** Its handler was never called: it begins anew under whatever version claims it next. */
      readonly isUnstarted?: boolean
    })
  /** Suspended until one of these waits is over, by their keys, without having used up an attempt. */
  | (Attempt & { readonly kind: 'waiting'; readonly waits: readonly string[] })
  /** Stopped because somebody cancelled it while it ran. */
  | (Attempt & { readonly kind: 'cancelled' })

/** `'lost'`: the attempt no longer held its lease and nothing changed. */
export type SettleResult = 'settled' | 'lost'

/** What a running attempt says of itself. */
export interface ReportOptions extends Attempt {
  /** 0 to 100, whole. */
  readonly progress?: number
  /** JSON text. */
  readonly output?: string
  /** Records that the attempt asked for more time, `prolongedMs` from now. */
  readonly prolongedMs?: number
}

/** Records what became of attempts, once each. */
export interface SettleStore {
  /** Settles without claiming; same order. Repeating a settlement that took effect answers `'settled'` again. */
  settle(options: {
    readonly settlements: readonly Settlement[]
    readonly keepCompleted: boolean
  }): Promise<readonly SettleResult[]>
  /** Progress, output and prolongation of running attempts; same fence. */
  report(options: { readonly reports: readonly ReportOptions[] }): Promise<readonly SettleResult[]>
}

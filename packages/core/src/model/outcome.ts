import type { FailureReason } from './job.ts'

/** What became of one attempt, before anything is decided or recorded. */
export type Outcome =
  /** The handler resolved. `output` is JSON text; absent when it gave none. */
  | {
      readonly kind: 'returned'
      readonly output?: string
      /** It has called steps or waits. */
      readonly hasSteps?: true
    }
  /** The handler rejected, ran into its timeout, or there is none. */
  | { readonly kind: 'threw'; readonly error: unknown; readonly reason: FailureReason }
  /** As `threw`, but no retry can help: `throw fatal(error)`, or a payload that breaks its schema. */
  | { readonly kind: 'fatal'; readonly error: unknown; readonly reason: FailureReason }
  /** `throw snooze(ms)` or `return snooze(ms)`: run again later, without using up an attempt. */
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  /** Stopped by a drain: hand it back, without using up an attempt. */
  | {
      readonly kind: 'released'
      /** It was only fetched: its handler was never called. */
      readonly isUnstarted?: boolean
    }
  /** Stopped because somebody cancelled the job. */
  | { readonly kind: 'cancelled' }
  /** Suspended at these waits, by their keys. */
  | { readonly kind: 'waiting'; readonly waits: readonly string[] }
  /** Completed by the handler itself, in its transaction; it is recorded already. */
  | { readonly kind: 'committed' }
  /** The lease is gone; there is nothing to record. */
  | { readonly kind: 'lost' }

/** Those of which there is nothing more to say; shared, as nearly every attempt ends in one. */
export const RETURNED: Outcome = { kind: 'returned' }
export const RELEASED: Outcome = { kind: 'released' }
export const CANCELLED: Outcome = { kind: 'cancelled' }
export const LOST: Outcome = { kind: 'lost' }
export const COMMITTED: Outcome = { kind: 'committed' }

/** For the end of every `switch` over a union: a new member that is not handled fails to compile. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value: ${JSON.stringify(value)}`)
}

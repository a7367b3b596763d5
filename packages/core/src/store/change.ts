import type { JobFilter } from './inspect.ts'

/** New values for a pending job; absent leaves a field, `null` clears it. */
export interface JobChanges {
  /** JSON text. */
  readonly payload?: string
  readonly codec?: 'json' | 'rich'
  readonly maxAttempts?: number
  readonly priority?: number
  /** `null` means now. */
  readonly runAt?: Date | null
  readonly timeoutMs?: number | null
  readonly tags?: readonly string[] | null
  readonly retryDelay?: number | null
  readonly retryBackoff?: boolean | null
  readonly retryDelayMax?: number | null
  readonly deadLetterJobType?: string | null
}

/** What a call on one job did. `requested`: it runs, and its signal has been asked to fire. */
export type ChangeResult = 'changed' | 'requested' | 'unchanged' | 'not_found'

/** Told, before the call resolves, which jobs were cancelled because of what they depend on, by a store that knows. */
export type OnCascade = (ids: readonly number[]) => void

/** Changes jobs that do not run, and asks those that do to stop. */
export interface ChangeStore {
  /** Pending jobs, and jobs between two attempts. */
  edit(options: { readonly id: number; readonly changes: JobChanges }): Promise<ChangeResult>
  /** Pending jobs only; the number changed. */
  editMany(options: { readonly filter: JobFilter; readonly changes: JobChanges }): Promise<number>
  /** Anything not finished; a running job is asked to stop. */
  cancel(options: { readonly id: number; readonly onCascade?: OnCascade }): Promise<ChangeResult>
  /** Pending jobs only; the ids cancelled. */
  cancelMany(options: { readonly filter: JobFilter; readonly onCascade?: OnCascade }): Promise<readonly number[]>
  /**
   * Failed and cancelled jobs become pending under the same id; one whose attempts are used up gets one more. A
   * running job's lease is revoked: its worker is told, and nothing that attempt does afterwards has an effect.
   */
  retry(options: { readonly id: number }): Promise<ChangeResult>
  /** Final failures by filter become pending with their attempts reset; the ids moved, at most `limit`. */
  redrive(options: { readonly filter: JobFilter; readonly limit: number }): Promise<readonly number[]>
}

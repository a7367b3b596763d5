import type { Pause, ValidPauseOptions, ValidPauseScope } from '../model/pause.ts'

/**
 * Keeping jobs from being claimed. A claim that begins after a pause was recorded takes none of its jobs; what it meets of
 * them it puts aside, so that no claim has to step over them again. Rejects with `FEATURE_UNSUPPORTED` without
 * `features.pauses`.
 */
export interface PauseStore {
  /** Paused before under the same scope: `options` replace what it was paused with. */
  pause(options: { readonly scope: ValidPauseScope; readonly options: ValidPauseOptions }): Promise<void>
  /** Its jobs go on in the order they had; false if it was not paused. */
  resume(options: { readonly scope: ValidPauseScope }): Promise<boolean>
  /** Those that hold now, oldest first. */
  listPauses(): Promise<readonly Pause[]>
}

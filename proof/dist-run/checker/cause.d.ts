import { type Exec, type Timeline } from './timeline.ts'
/** Why a job may have been run again. */
export type Cause =
  | 'threw'
  | 'snoozed'
  | 'waiting'
  | 'restarted'
  | 'died'
  | 'away'
  | 'timeout'
  | 'drained'
  | 'late-start'
  /** Its handler was done, and the answer to the record of that may have been lost. */
  | 'unknown-outcome'
/**
 * Why `next` was allowed to start after (or beside) `previous`, or undefined if there is no reason for it.
 *
 * What has been recorded of the faults contains what really happened, so a cause found here may have been none in truth, by
 * milliseconds; a missing cause is always a violation.
 */
export declare function causeOf(timeline: Timeline, previous: Exec, next: Exec): Cause | undefined
/**
 * Whether its worker was out of reach for so long that its lease may have ended before `at`: while it held the job, or just
 * before it began, for a job claimed ahead and frozen.
 */
export declare function wasAway({ bounds }: Timeline, exec: Exec, at: number): boolean
/** It had been claimed by a worker that was away afterwards, and was begun before the worker noticed. */
export declare function isLateStart({ bounds }: Timeline, exec: Exec): boolean
/** Whether it ran as long as it may. An early timeout is none: the limit has a tenth of tolerance for timers. */
export declare function ranIntoTimeout(exec: Exec, at: number): boolean
/** Pairs of executions of a job in the order of their starts. */
export declare function successions(execs: readonly Exec[]): readonly (readonly [Exec, Exec])[]
/** Whether nothing happened to it that could have taken the job from it up to `at`: it should hold it still. */
export declare function holdsUndisturbed(timeline: Timeline, exec: Exec, at: number): boolean
/** Whether `previous` was running when `next` began. */
export declare function overlap(previous: Exec, next: Exec): boolean
//# sourceMappingURL=cause.d.ts.map

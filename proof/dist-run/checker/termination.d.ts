import { Slots } from './slots.ts'
import { type Job, type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/** How an acknowledged job stood at the end. */
export type Fate = 'terminal' | 'limbo' | 'not-due' | 'undecided'
/**
 * G3: when faults have stopped, every acknowledged job that is due ends within B = L + S + P, and for each attempt its delay
 * and its run. A job whose time is not up when the run ends is undecided: neither held nor violated.
 */
export declare function checkTermination(timeline: Timeline): Finding
export declare function fateOf(timeline: Timeline, slots: Slots, job: Job): Fate
export declare function jobOfRef(timeline: Timeline, ref: string): Job | undefined
//# sourceMappingURL=termination.d.ts.map

import type { Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'
/** G9: the attempt after a failure starts no earlier than its delay, and than the stored `nextAttemptAt`. */
export declare function checkRetryTiming(timeline: Timeline): Finding
/** The half of G16 that says: not before `runAt`. */
export declare function checkNotEarly(timeline: Timeline, findings: Findings): void
/**
 * G24: only the database's clock decides. A worker whose own clock is wrong starts nothing early and takes no job from a
 * worker that lives. Early starts by such a worker are reported here, those by others with G9 and G16.
 */
export declare function checkOneClock(timeline: Timeline): Finding
//# sourceMappingURL=one-clock.d.ts.map

import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G8: a job is executed at most `maxAttempts` times, crashes included, and once more for each time it was restarted; what was
 * handed back in a drain, snoozed or suspended does not count. And it is given up early only for a reason.
 */
export declare function checkAttempts(timeline: Timeline): Finding
//# sourceMappingURL=attempts.d.ts.map

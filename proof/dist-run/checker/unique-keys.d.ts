import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G11: all adds of one key are answered the same id, none is refused, and one job exists; and no add makes two jobs, however
 * often it had to be tried. A ref that its producer added in several calls without a key may be there as often.
 */
export declare function checkUniqueKeys(timeline: Timeline): Finding
//# sourceMappingURL=unique-keys.d.ts.map

import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/** G10: the row that a transactional handler writes is there once if the job is completed, and not at all otherwise. */
export declare function checkTransactional(timeline: Timeline): Finding
//# sourceMappingURL=transactional.d.ts.map

import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G22: after a cancellation is acknowledged nothing starts any more; a handler that runs is told in time; and the answer says
 * which of the two it was.
 */
export declare function checkCancelling(timeline: Timeline): Finding
//# sourceMappingURL=cancelling.d.ts.map

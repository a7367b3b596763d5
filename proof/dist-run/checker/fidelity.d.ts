import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G21: a handler is given what was sent (or what an edit made of it), and every plain JSON value is accepted.
 */
export declare function checkFidelity(timeline: Timeline): Finding
//# sourceMappingURL=fidelity.d.ts.map

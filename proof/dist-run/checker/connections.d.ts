import { type Exec, type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G19: connections that are killed, refused, silent or slow crash no process, leave no call without an answer, make no failure of
 * a success, and lead to few repeated runs; a connection that died in silence is noticed.
 */
export declare function checkConnections(timeline: Timeline): Finding
/** Successes that were run again because nobody knew that they had been recorded. */
export declare function rerunsOfSuccesses(timeline: Timeline): readonly (readonly [Exec, Exec])[]
//# sourceMappingURL=connections.d.ts.map

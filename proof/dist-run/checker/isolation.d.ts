import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G20: no payload, field or handler takes down a worker or spoils its process, and nonsense is refused with a typed error. That
 * it holds up no other job, and that a type nobody handles is not "completed", is seen by G3, G17 and G4.
 */
export declare function checkIsolation(timeline: Timeline): Finding
//# sourceMappingURL=isolation.d.ts.map

import { type Timeline } from './timeline.ts'
import type { Findings } from './violation.ts'
/**
 * On a worker that runs one job at a time nothing starts while a job of higher priority, or an older one of the same, has been
 * ready since well before that worker was last free. Only then can it be said what the claim had to choose from.
 */
export declare function checkPriority(timeline: Timeline, findings: Findings): void
//# sourceMappingURL=start-order.d.ts.map

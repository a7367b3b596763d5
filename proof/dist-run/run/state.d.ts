import type { JobRecord } from 'millrace'
import type { EventOf } from '../history/event.ts'
/** What the public API reported of a job, as a line of the history. */
export declare function stateOf(job: number, found: JobRecord | null, sentAt: number): EventOf<'state'>
//# sourceMappingURL=state.d.ts.map

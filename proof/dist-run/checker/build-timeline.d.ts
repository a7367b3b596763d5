import type { Recorded } from '../history/event.ts'
import type { RunParams } from '../history/run-event.ts'
import type { Timeline } from './timeline.ts'
/**
 * Arranges a history in one pass. Events after `finished` do not count: whoever stops the run stops it in the middle of
 * something.
 *
 * @param params - Default: those of the `run` event.
 */
export declare function buildTimeline(history: readonly Recorded[], params?: RunParams): Timeline
//# sourceMappingURL=build-timeline.d.ts.map

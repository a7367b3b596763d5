import type { Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G26: the dashboard listens on loopback unless told otherwise, and then not without credentials; changes nothing for who has
 * none, comes from elsewhere, by GET or in read-only mode; answers no foreign host; shows all text as text.
 */
export declare function checkDashboard(timeline: Timeline): Finding
//# sourceMappingURL=dashboard.d.ts.map

import { type Timeline } from './timeline.ts'
import { type Finding } from './violation.ts'
/**
 * G13: in a serial lane jobs of equal priority start for the first time in the order of their adds. Only adds that followed one
 * another have an order; a first attempt that was lost before its handler began has none that could be seen.
 */
export declare function checkSerialOrder(timeline: Timeline): Finding
//# sourceMappingURL=serial-order.d.ts.map

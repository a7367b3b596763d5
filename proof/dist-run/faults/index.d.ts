import type { Fault } from './fault.ts'
/** Every fault there is, by the order of the documentation. */
export declare const FAULTS: readonly Fault[]
//# sourceMappingURL=index.d.ts.map

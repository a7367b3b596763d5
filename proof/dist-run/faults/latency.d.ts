import { type ProcessFault } from './fault.ts'
/** 20 to 200 ms more in each direction, with jitter, for every process. */
export declare const latency: ProcessFault
//# sourceMappingURL=latency.d.ts.map

import { type ProcessFault } from './fault.ts'
/** One process has a line of 8 to 64 kB a second. */
export declare const throttle: ProcessFault
//# sourceMappingURL=throttle.d.ts.map

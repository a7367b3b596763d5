import { type ProcessFault } from './fault.ts'
/**
 * One process is cut off for up to three leases: bytes of both directions are kept back, and delivered when the network
 * heals, so that the commit that was under way arrives late.
 */
export declare const partition: ProcessFault
//# sourceMappingURL=partition.d.ts.map

import { type ProcessFault } from './fault.ts'
/** All connections of one process are reset at once, again and again. */
export declare const cut: ProcessFault
//# sourceMappingURL=cut.d.ts.map

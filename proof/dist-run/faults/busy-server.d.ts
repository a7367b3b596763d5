import type { ServerFault } from './fault.ts'
/** Somebody holds the table of live jobs under an exclusive lock. */
export declare const lockedTable: ServerFault
/** Every place for a connection that comes free is taken by somebody else: 53300 for everyone. */
export declare const fullServer: ServerFault
//# sourceMappingURL=busy-server.d.ts.map

import type { ConditionFault } from './fault.ts'
/** A pool of one connection in every process. */
export declare const poolOfOne: ConditionFault
/** The role's default isolation is serializable: 40001 on any statement. */
export declare const serializable: ConditionFault
/** Time limits on the role that a careful administrator might set, and a tight one. */
export declare const roleTimeouts: ConditionFault
/** The processes have the rights the documentation lists, and no others; the owner migrates. */
export declare const leastPrivilege: ConditionFault
/** PgBouncer in transaction mode between the processes and the server. */
export declare const pgbouncer: ConditionFault
export declare const FAKETIME_LIBRARIES: readonly string[]
/** The clocks of the workers are wrong by hours, each by another amount. */
export declare const wrongClocks: ConditionFault
/** Jobs that kill their own worker in every attempt they have: 1 or 2. */
export declare const lastAttempt: ConditionFault
/** Handlers that block the event loop for two leases. */
export declare const blockedLoop: ConditionFault
/** Payloads, fields and handlers as nobody should write them. */
export declare const abuse: ConditionFault
//# sourceMappingURL=conditions.d.ts.map

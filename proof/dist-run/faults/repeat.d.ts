import type { Heal } from './fault.ts'
/** Does `act` again and again until healed. What it rejects with ends it, and rejects the healing. */
export declare function repeat(act: () => Promise<void> | void, everyMs: number): Heal
//# sourceMappingURL=repeat.d.ts.map

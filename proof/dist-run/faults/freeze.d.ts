import { type ProcessFault } from './fault.ts'
/** SIGSTOP for less than the lease: its jobs stay its own. */
export declare const freezeShortly: ProcessFault
/** SIGSTOP for longer than the lease, then SIGCONT: a worker that does not know it was given up. */
export declare const freezePastLease: ProcessFault
//# sourceMappingURL=freeze.d.ts.map

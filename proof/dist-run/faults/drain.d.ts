import { type ProcessFault } from './fault.ts'
/** SIGTERM: the worker drains and leaves, as on a deploy; a supervisor starts another. */
export declare const drain: ProcessFault
//# sourceMappingURL=drain.d.ts.map

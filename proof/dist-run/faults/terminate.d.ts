import type { ServerFault } from './fault.ts'
/** `pg_terminate_backend` of one random connection at a time, five to fifteen a second, whatever it is doing. */
export declare const terminate: ServerFault
//# sourceMappingURL=terminate.d.ts.map

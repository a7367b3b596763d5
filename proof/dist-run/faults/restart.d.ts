import type { ServerFault } from './fault.ts'
/** The server is shut down as a careful operator would, and started again. */
export declare const restartFast: ServerFault
/** The server stops without a checkpoint and recovers from its log. */
export declare const restartImmediate: ServerFault
/** SIGKILL of one backend: the postmaster ends all others, and the server recovers as after a crash. */
export declare const killBackend: ServerFault
//# sourceMappingURL=restart.d.ts.map

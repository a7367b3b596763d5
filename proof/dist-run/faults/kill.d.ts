import { type ProcessFault } from './fault.ts'
/** SIGKILL of a worker, whatever it is doing; a supervisor starts another. */
export declare const killWorker: ProcessFault
/** SIGKILL of a producer: what it was adding may or may not exist. */
export declare const killProducer: ProcessFault
//# sourceMappingURL=kill.d.ts.map

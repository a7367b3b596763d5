import { type ProcessFault } from './fault.ts'
/**
 * The network forgets the connections that one worker has: no bytes pass any more and nobody is told. New connections work.
 * There is nothing to heal: the worker must notice by itself. It lasts as long as a statement may take.
 */
export declare const halfOpen: ProcessFault
//# sourceMappingURL=half-open.d.ts.map

import { type ProcessFault } from './fault.ts'
/** The server does what it was asked, and the connection breaks before the answer arrives: commit unknown. */
export declare const loseReplies: ProcessFault
//# sourceMappingURL=lost-reply.d.ts.map

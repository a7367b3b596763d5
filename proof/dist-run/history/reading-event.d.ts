/** What the public API reports of a job, or that there is none. */
export type ReportedStatus = 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'waiting' | 'missing'
/** Written by whoever looks. A reading saw the state of some moment between `sentAt` and the event's own `at`. */
export type ReadingEvent =
  | {
      readonly type: 'state'
      readonly job: number
      readonly sentAt: number
      readonly status: ReportedStatus
      /** With `failed`: absent means for good. */
      readonly nextAttemptDbMs?: number
      readonly attempts?: number
      readonly failureReason?: string
      readonly progress?: number
      readonly outputHash?: string
      /** From the payload. */
      readonly ref?: string
      readonly key?: string
      readonly schedule?: string
      readonly tickDbMs?: number
    }
  /** Every stored job has been read since `sentAt`: a job without `state` after that is not there. */
  | {
      readonly type: 'inventory'
      readonly sentAt: number
      readonly count: number
    }
  /** Rows that the transactional handler of a job wrote, counted after the run. */
  | {
      readonly type: 'effects'
      readonly job: number
      readonly count: number
    }
  /** Whether the business row of a caller's transaction is there, read after the run. */
  | {
      readonly type: 'business-row'
      readonly tx: string
      readonly present: boolean
    }
  /** `getWorkers`: how long ago, by the database, this process was heard of. `null`: it is not listed. */
  | {
      readonly type: 'worker-seen'
      readonly worker: string
      readonly sentAt: number
      readonly silentMs: number | null
    }
  /** A row of `checkInvariants()`. */
  | {
      readonly type: 'invariant'
      readonly invariant: string
      readonly detail: string
    }
  /** A request to the dashboard, as an attacker or a user would make it, and its answer. */
  | {
      readonly type: 'request'
      readonly method: string
      readonly route: string
      /** Whether the route changes state. */
      readonly mutating: boolean
      readonly bind: 'loopback' | 'public'
      readonly credentials: 'none' | 'wrong' | 'valid'
      /** What the request says where it comes from, and whether it carries the token of the page. */
      readonly origin: 'same' | 'cross' | 'absent'
      readonly csrfToken: boolean
      readonly host: 'allowed' | 'foreign'
      readonly readOnly: boolean
      /** HTTP status. */
      readonly status: number
      /** The Content-Security-Policy of a page. */
      readonly csp?: string
      /** Text of a job that was found in the page as markup instead of as text. */
      readonly unescaped?: string
    }
  /** The dashboard was started on an address: it listens there, or refused to start. */
  | {
      readonly type: 'dashboard-started'
      readonly bind: 'default' | 'public'
      readonly credentials: boolean
      readonly listensOn: 'loopback' | 'public' | 'refused'
    }
//# sourceMappingURL=reading-event.d.ts.map

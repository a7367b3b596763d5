/** Why a handler's signal fired, from the code of its reason. */
export type AbortReason = 'lease-lost' | 'timeout' | 'cancelled' | 'drain' | 'other'

/**
 * How a handler ended: `ok` it returned; `threw`; `fatal` it asked for no further attempt; `snoozed` it asked to run later;
 * `waiting` it suspended itself.
 */
export type EndOutcome = 'ok' | 'threw' | 'fatal' | 'snoozed' | 'waiting'

/** Written inside a worker process. Its `process` is the worker; a process runs one processor in its life. */
export type WorkerEvent =
  /** The processor began to claim. */
  | {
      readonly type: 'worker-started'
      readonly concurrency: number
      readonly groupConcurrency?: number
      /** Jobs of other types are not for it. Absent: all types. */
      readonly jobTypes?: readonly string[]
    }
  /** First line of a handler. `payloadHash` is of what it was given. */
  | {
      readonly type: 'start'
      readonly exec: string
      readonly job: number
      readonly ref?: string
      readonly jobType: string
      readonly attempt: number
      readonly payloadHash: string
      /** The fencing token, where it can be seen. */
      readonly token?: number
      readonly group?: string
      /** The schedule and tick that made this job. */
      readonly schedule?: string
      readonly tickDbMs?: number
    }
  /** Last line of a handler, before it returns or throws. */
  | {
      readonly type: 'end'
      readonly exec: string
      readonly outcome: EndOutcome
      /** Of what it returns. */
      readonly outputHash?: string
    }
  /** First thing a listener of the handler's signal does. */
  | { readonly type: 'abort'; readonly exec: string; readonly reason: AbortReason }
  /** The queue said that what this execution reported was refused (a hook, or `LEASE_LOST` from a call of its context). */
  | { readonly type: 'lease-lost'; readonly exec: string }
  /** A call of the context that writes to the store; answered by `report-ok` or `report-error` under the same `call`. */
  | {
      readonly type: 'report'
      readonly call: string
      readonly exec: string
      readonly verb: 'progress' | 'output' | 'enqueue' | 'transaction'
      readonly valueHash?: string
    }
  | { readonly type: 'report-ok'; readonly call: string }
  | {
      readonly type: 'report-error'
      readonly call: string
      readonly code?: string
      readonly message: string
      /** Whether nobody knows if the call took effect: of a transaction. */
      readonly isUnknown?: boolean
    }
  /** First line of a step's function. */
  | { readonly type: 'step-start'; readonly exec: string; readonly step: string }
  /** `ctx.run` resolved: the step's value is stored. */
  | { readonly type: 'step-value'; readonly exec: string; readonly step: string; readonly valueHash: string }
  /** The handler is about to suspend: until a time, or for a token. */
  | {
      readonly type: 'wait-begin'
      readonly exec: string
      readonly wait: string
      readonly untilDbMs?: number
      readonly token?: string
    }
  /** `ctx.waitFor…` resolved: at the first time, or replayed in a later attempt. */
  | { readonly type: 'wait-end'; readonly exec: string; readonly wait: string; readonly valueHash?: string }
  /** The worker was told to stop, before `stop()` is called. */
  | { readonly type: 'drain-begin' }
  /** `stop()` resolved. */
  | { readonly type: 'drain-end' }
  /**
   * This process did not run for `ms` up to now, though nobody stopped it: `process` at all (a machine with too much to
   * do), `loop` its event loop (a handler that blocks).
   */
  | { readonly type: 'stall'; readonly ms: number; readonly scope: 'process' | 'loop' }
  /** Something of this process is not as it should be after a hostile input; `what` names it. */
  | { readonly type: 'polluted'; readonly what: string }
  /** Memory and connections of this process, now and then. */
  | { readonly type: 'sample'; readonly heapMb: number; readonly connections?: number }

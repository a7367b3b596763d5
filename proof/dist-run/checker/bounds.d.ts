import type { RunParams } from '../history/run-event.ts'
/** The parameters of a run with every default filled in. */
export interface Bounds extends RunParams {
  readonly beatMs: number
  readonly slackMs: number
  readonly settleMs: number
  /** A worker out of reach for this long may have lost its jobs: the lease, less what a sign of life may be old, less reconnecting. */
  readonly silenceMs: number
}
/** A handler that lost its lease is told within this, once its process can run and reach the database. */
export declare const TELL_MS = 3000
/** Work goes on within this after the server is back. */
export declare const RESUME_MS = 5000
/** A connection that has died in silence is noticed within this; no call waits longer. */
export declare const NOTICE_MS = 60000
/** After an outage a worker may need this long for its next sign of life. */
export declare const RECONNECT_MS = 1000
export declare function boundsOf(params: RunParams): Bounds
//# sourceMappingURL=bounds.d.ts.map

/** What the run is; every bound the checker uses comes from here. */
export interface RunParams {
  readonly seed: number
  readonly store: 'postgres' | 'pglite' | 'redis'
  readonly faults: readonly string[]
  /** L: a worker silent for this long loses its jobs. */
  readonly leaseMs: number
  /** S: how often somebody looks for silent workers. */
  readonly sweepMs: number
  /** P: how often an idle worker looks for work. */
  readonly pollMs: number
  /** How often a worker reports that it lives; a lease may end this much sooner after its last sign of life. Default leaseMs / 3. */
  readonly beatMs?: number
  /** Whether the heart beats in a thread of its own: then a handler that blocks the event loop keeps its lease. */
  readonly heartbeat: 'thread' | 'main'
  /** The longest a handler runs that is left alone. */
  readonly maxRunMs: number
  /** How long a drain waits for handlers. */
  readonly drainMs: number
  /** Connections each worker's pool may hold. */
  readonly poolSize?: number
  /** At most so many of one group at once; a group named in `groupLimits` has its own. */
  readonly groupLimit?: number
  readonly groupLimits?: Readonly<Record<string, number>>
  /** Added to bounds of time on a loaded machine; 300 ms are allowed by the promises themselves. Default 300. */
  readonly slackMs?: number
  /** How long after a handler's end its record may be under way. Default 2000. */
  readonly settleMs?: number
  /** A process may use so much heap. */
  readonly maxHeapMb?: number
}

/**
 * What a fault does to those it hits, which decides what it excuses:
 *
 * - `kill` the process dies (a `worker-gone` follows); `terminate` it is asked to drain (SIGTERM)
 * - `stall` it does not run at all (SIGSTOP); `block` its event loop does not run, its threads do
 * - `cut` it cannot reach the database, or its statements wait: partition, half-open connection, a locked table
 * - `server` the database is down; `refuse` it refuses: full, disk full, read-only
 * - `connection` connections are killed or replies cut, again and again: no excuse for a lost lease
 * - `slow` latency; `clock` clocks are wrong; `lossy` the database may lose what it acknowledged (a late standby)
 * - `none` nothing that excuses anything
 */
export type FaultEffect =
  | 'kill'
  | 'terminate'
  | 'stall'
  | 'block'
  | 'cut'
  | 'server'
  | 'refuse'
  | 'connection'
  | 'slow'
  | 'clock'
  | 'lossy'
  | 'none'

/** Written by the harness: what it did to the system, and what became of the processes. */
export type RunEvent =
  | { readonly type: 'run'; readonly params: RunParams }
  /** First line of each file. */
  | { readonly type: 'open'; readonly pid: number; readonly role: 'harness' | 'producer' | 'worker' }
  /**
   * `begin` and `end` share an `id`; `once` has no length. Written before the fault for `begin` and `once`, after it is over
   * for `end`, so that the recorded interval contains the real one. `workers` are process names; absent: everybody.
   */
  | {
      readonly type: 'fault'
      readonly id: string
      /** As in `--faults`. */
      readonly name: string
      readonly effect: FaultEffect
      readonly phase: 'begin' | 'end' | 'once'
      readonly workers?: readonly string[]
      /** Of a half-open connection: nobody tells the worker, it has to notice. */
      readonly silent?: boolean
      readonly detail?: string
      /** Of `lossy`: what was acknowledged less than so long before may be lost too. */
      readonly lossMs?: number
    }
  /** What everything but the history of finished jobs takes on disk, now and then, in bytes. */
  | { readonly type: 'sizes'; readonly tables: number; readonly indexes: number }
  /** No fault begins after this. */
  | { readonly type: 'quiet' }
  /** The last look was taken; nothing after this counts. */
  | { readonly type: 'finished' }
  /** The process died or left. `expected` unless nobody killed it, asked it to leave, or ran a handler that does it. */
  | {
      readonly type: 'worker-gone'
      readonly worker: string
      readonly code: number | null
      readonly signal: string | null
      readonly expected: boolean
    }
  /** The database's clock was read: it showed `dbMs` at some moment between `sentAt` and the event's own `at`. */
  | { readonly type: 'db-clock'; readonly sentAt: number; readonly dbMs: number }

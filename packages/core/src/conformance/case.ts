import type { DatabaseClient } from '../store/enqueue.ts'
import type { Store } from '../store/store.ts'
import type { Bench } from './bench.ts'

/** What a case asks of the place it runs in, beyond the contract. */
export type ConformanceNeed =
  /** Several statements and transactions truly under way at once. */
  | 'concurrent-sessions'
  /** `{ db }`: adds inside a transaction of the caller. */
  | 'caller-transactions'
  /** Notifications, beside polling. */
  | 'push'
  /** Steps, waits and tokens. */
  | 'steps'
  /** Jobs that a completion brings. */
  | 'children'
  /** Why a job is not running. */
  | 'explain'
  /** Keeping jobs from being claimed. */
  | 'pauses'

/** One promise of the contract, as data. */
export interface ConformanceCase {
  /** A sentence: what a store does. */
  readonly name: string
  readonly needs?: readonly ConformanceNeed[]
  readonly run: (t: Bench) => Promise<void>
}

/**
 * A store under test, and the few things a test must be able to do behind its back. A case may assume that nothing is
 * stored when it begins.
 */
export interface ConformanceTarget {
  readonly store: Store
  /** Makes the worker's lease run out this moment, as if it had been silent for that long. */
  readonly expireWorker: (worker: number) => Promise<void>
  /** Makes a completed job look as if it had ended `days` ago. */
  readonly ageFinished: (id: number, days: number) => Promise<void>
  /** A second, independent handle on the same instance, whose schema has not been checked; `close` follows. */
  readonly openAnother: () => Promise<Store>
  /** Removes the whole instance, so that the next `migrate` starts from nothing. */
  readonly uninstall: () => Promise<void>
  /** Removes every job, worker and group; the schema stays. */
  readonly reset: () => Promise<void>
  /** Runs `fn` in a transaction of its own session; rolled back when it rejects. Absent: no such transactions. */
  readonly transaction?: <T>(fn: (db: DatabaseClient) => Promise<T>) => Promise<T>
  /** Holds the job's row against every change until the transaction ends. There if `transaction` is. */
  readonly lockJob?: (db: DatabaseClient, id: number) => Promise<void>
}

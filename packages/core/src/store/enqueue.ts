import type { KeyMode, KeyScope } from '../model/lanes.ts'

/**
 * A validated job as a store takes it: defaults filled in, payload encoded. Absent fields take the column default.
 * `enqueue/` makes these; nothing below it validates again.
 */
export interface NewJob {
  readonly jobType: string
  /** JSON text of the payload, already checked for fidelity and size. */
  readonly payload: string
  /** How `payload` was encoded. Default `'json'`. */
  readonly codec?: 'json' | 'rich'
  readonly maxAttempts?: number
  /** Higher runs first. */
  readonly priority?: number
  /** Not before this time of the store's clock; absent means now. */
  readonly runAt?: Date
  readonly timeoutMs?: number
  readonly forceKillOnTimeout?: boolean
  readonly tags?: readonly string[]
  readonly idempotencyKey?: string
  /** What becomes of a job that has the key already. Default `'reuse'`. */
  readonly keyMode?: KeyMode
  /** What the key is unique within. Default `'tenant'`. */
  readonly keyScope?: KeyScope
  /** For how long the key is taken at least, and whatever becomes of the job. Default: as long as the job is stored. */
  readonly keyWindowMs?: number
  /** Seconds. */
  readonly retryDelay?: number
  readonly retryBackoff?: boolean
  /** Seconds. */
  readonly retryDelayMax?: number
  readonly deadLetterJobType?: string
  readonly groupId?: string
  readonly groupTier?: string
  readonly tenantId?: string
  /** A serial lane, in place of a group. */
  readonly queue?: string
  /** Whether a retry keeps its place in the queue or lets others pass. Default `'hold'`. */
  readonly queueRetries?: 'hold' | 'pass'
  readonly dependsOn?: NewDependencies
  /** The trace that the job was added in, as its tracer writes it: 1 to 1,000 characters. It comes with every claim of the job. */
  readonly trace?: string
}

/** What a job waits for; no list is empty. */
export interface NewDependencies {
  /** Ids, and `-(index + 1)` for a job of the same batch that comes before. No duplicates. */
  readonly jobIds?: readonly number[]
  /** What the handler knows each of `jobIds` by. */
  readonly names?: readonly string[]
  readonly tags?: readonly string[]
  /** Absent means `'cancel'`. */
  readonly onFailure?: 'run' | 'wait'
}

/** Jobs to be added together. */
export interface EnqueueOptions {
  readonly jobs: readonly NewJob[]
  /**
   * Names this batch, so that an add whose reply was lost can be looked up instead of repeated: a positive safe integer
   * drawn at random by the caller.
   */
  readonly nonce?: number
  /**
   * Notifies sleeping workers in the same statement, which spares a round trip before the job starts. For adds that are few:
   * at the commit, notifications of all processes wait for one another. With `db` it is always so.
   */
  readonly notify?: boolean
  /** Runs the one statement on the caller's connection, inside the caller's transaction. */
  readonly db?: DatabaseClient
  /** No history is kept: a prerequisite that is not stored any more counts as completed, if its id was ever given out. */
  readonly forgetsCompleted?: boolean
}

/** What an add made. */
export interface EnqueueResult {
  /** In the order of `jobs`; a keyed job that existed already gives the id it has. */
  readonly ids: readonly number[]
  /** Positions in `jobs` that were created by this call; `'all'` when every one was. */
  readonly created: 'all' | ReadonlySet<number>
  /** Whether some live worker sleeps, has not been notified by this call, and would start sooner if it were. */
  readonly sleepers: boolean
}

/** What `{ db }` takes: any client whose `query` runs on the caller's transaction. */
export interface DatabaseClient {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount?: number | null }>
}

/** Adds jobs. */
export interface EnqueueStore {
  /**
   * Adds all jobs or none, in one statement. Ids ascend in input order for jobs without a key. Rejects with `JOB_NOT_FOUND`,
   * without ending the caller's transaction, if a job depends on one that does not exist.
   */
  enqueue(options: EnqueueOptions): Promise<EnqueueResult>
  /** The ids that the batch `nonce` created, in order, or `null` if it never took effect. `sinceId` bounds the search. */
  findEnqueued(options: { readonly nonce: number; readonly sinceId: number }): Promise<readonly number[] | null>
  /** Wakes sleeping workers of all processes; `priorities` are the levels that gained ready jobs. */
  wake(options: { readonly priorities: readonly number[] }): Promise<void>
}

import type { JobSchedule } from '../model/job.ts'
import type { SettleResult, Settlement } from './settle.ts'

/** A job as a worker receives it, with the lease it holds. */
export interface ClaimedJob {
  readonly id: number
  /** The fencing token of this attempt; every write for the attempt carries it. */
  readonly token: number
  readonly jobType: string
  /** JSON text, as stored. */
  readonly payload: string
  readonly codec: 'json' | 'rich'
  /** This attempt's number, counted from 1. */
  readonly attempt: number
  readonly maxAttempts: number
  readonly priority: number
  /** Position in the ready order; later is larger. */
  readonly readySeq: number
  readonly timeoutMs: number | null
  readonly forceKillOnTimeout: boolean
  readonly tags: readonly string[] | null
  readonly idempotencyKey: string | null
  readonly groupId: string | null
  readonly tenantId: string | null
  /** As the store wrote it; see `createdDate`. Kept as text because few handlers ever ask. */
  readonly createdAt: string
  readonly retry: RetryFields
  /** Of the handler that this job runs under, from its first attempt on; `null` when none was declared. */
  readonly handlerVersion: number | null
  readonly schedule: JobSchedule | null
  /** The handler has been called for this job before, so there may be steps. Absent: never. */
  readonly isAgain?: true
  /** As the job was added. Absent: none. */
  readonly trace?: string
  /** The queue it is in. Absent: none. */
  readonly queue?: string
}

/** The job's own retry options; all `null` means the default formula (see `model/backoff.ts`). Seconds. */
export interface RetryFields {
  readonly delay: number | null
  readonly backoff: boolean | null
  readonly delayMax: number | null
}

/**
 * Where a claim starts to look in the ready index of one priority level. Entries of finished jobs pile up below it while
 * a long transaction holds back vacuum; a claim that begins above them stays flat (measured: 0.24 to 0.38 of its speed
 * within 40 s without it).
 */
export interface ReadyBound {
  readonly priority: number
  /** Only jobs at or above this position are looked at. */
  readonly fromSeq: number
}

/** What a worker tells and asks in one round trip. */
export interface ExchangeOptions {
  /** The worker's number, from `register`. */
  readonly worker: number
  /** What finished since the last exchange; recorded before the claim, in the same call. */
  readonly settlements: readonly Settlement[]
  /** At most this many jobs, 0 to 10,000. */
  readonly limit: number
  /** Of those, how many may be on their last attempt: the slots that are free now. */
  readonly slots: number
  /** `'sweep'` looks at the whole ready index; otherwise only at these levels, from their bounds. */
  readonly from: 'sweep' | readonly ReadyBound[]
  /** Only these types; absent means any. */
  readonly jobTypes?: readonly string[]
  /** Records in the worker's row whether it wants to be notified; absent leaves it. */
  readonly sleeping?: boolean
  /** Also promotes due jobs, rescues dead workers, and reports cancel requests and the next due time. */
  readonly housekeeping?: boolean
  /** Extends the worker's lease by this much. */
  readonly heartbeatMs?: number
  /** Whether completed jobs are kept as history. */
  readonly keepCompleted: boolean
  /** Tokens of claims of which nothing is left to settle, counting `settlements`: their leases can be forgotten. */
  readonly closedTokens?: readonly number[]
  /** Also gives places in groups that gained jobs or had places given up; a sweep always does. */
  readonly groups?: boolean
  /**
   * The versions that this worker's handlers can run, by job type, the newest first. A job that started under another one is left
   * to others; a job that has not starts under the newest.
   */
  readonly versions?: Readonly<Record<string, readonly number[]>>
}

/** What a worker is told in return. */
export interface ExchangeResult {
  /** In the order they must start. */
  readonly jobs: readonly ClaimedJob[]
  /** Results of `settlements`, same order. */
  readonly settled: readonly SettleResult[]
  /** Ready jobs on their last attempt were left, for want of a free slot. */
  readonly hasHeld?: boolean
  /** Some groups were left, because another worker was just giving places in them: ask again. */
  readonly hasBusyGroups?: boolean
  /** The claim put away as many paused jobs as one call may, and found more of them: what lies behind was not looked at. */
  readonly hasMorePaused?: boolean
  /**
   * After a sweep: every level that has ready jobs, and a position at or below its first one, highest first; `'many'`
   * beyond 16. Levels whose jobs were just claimed may be among them.
   */
  readonly levels?: 'many' | readonly ReadyBound[]
  /**
   * After a claim of some types only: what need not be looked through again, however many jobs of others lie there. `top`: all that
   * this worker may have at the levels looked at was claimed, when this was the highest place given out. `past`: a sweep came back
   * full, and below these places, given out long ago, nothing is left for it. Absent: nothing is known, or the store has no need of it.
   * `lookMs`: how long looking took the store; absent: not worth telling.
   */
  readonly looked?: { readonly top: number; readonly lookMs?: number } | { readonly past: readonly ReadyBound[] }
  /** With `housekeeping` or `heartbeatMs`: false once the store has given this worker's leases away. */
  readonly alive: boolean
  readonly housekeeping?: HousekeepingResult
  /** Jobs that were cancelled by this call because of what they depend on. Absent: none, or the store cannot tell. */
  readonly cascaded?: readonly number[]
}

/** What one round of a worker's upkeep did and saw. */
export interface HousekeepingResult {
  /** Milliseconds until the next timed job is due; `null` when none is. */
  readonly nextDueMs: number | null
  /** Attempts of this worker that must stop: cancelled, or (`lost`) revoked by a retry that did not wait for them. */
  readonly cancelRequests: readonly { readonly id: number; readonly token: number; readonly lost: boolean }[]
  readonly rescued: number
  readonly promoted: number
  /** Milliseconds until the next tick of any schedule, not above 0 when one is due; `null` when there is none. */
  readonly schedulesDueMs: number | null
}

/** A worker, as it introduces itself. */
export interface RegisterOptions {
  /** The public worker id. */
  readonly workerId: string
  readonly leaseMs: number
  readonly groupConcurrency?: number
  readonly jobTypes?: readonly string[]
  readonly concurrency: number
  readonly host: string
  readonly pid: number
  readonly version: string
  /** The handler versions it has, as in `ExchangeOptions`. */
  readonly versions?: ExchangeOptions['versions']
}

/** Gives jobs to workers, and takes them back from those that died. */
export interface ClaimStore {
  /** Opens the worker's row and answers its number, new at every boot. */
  register(options: RegisterOptions): Promise<number>
  /** Removes the worker's row; leases it still holds are given back without using up their attempts. */
  unregister(options: { readonly worker: number }): Promise<void>
  /** Settles, then claims, in one round trip. */
  exchange(options: ExchangeOptions): Promise<ExchangeResult>
  /** Extends the lease; false when the store has already given it away. */
  heartbeat(options: { readonly worker: number; readonly leaseMs: number }): Promise<boolean>
  /** Everything leased to this worker now, to find claims whose reply was lost. Attempts in `known` are left out. */
  leased(options: { readonly worker: number; readonly known: readonly number[] }): Promise<readonly ClaimedJob[]>
}

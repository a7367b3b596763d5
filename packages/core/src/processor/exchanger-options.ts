import type { OpenClaims } from '../claim/open-claims.ts'
import type { ReadyBounds } from '../claim/ready-bounds.ts'
import type { Clock } from '../model/clock.ts'
import type { SettleBuffer } from '../settle/buffer.ts'
import type { ClaimedJob, ExchangeOptions, HousekeepingResult } from '../store/claim.ts'
import type { Store } from '../store/store.ts'

/** How many jobs the worker can take now. */
export interface Demand {
  readonly limit: number
  /** Of those, how many could start at once. */
  readonly slots: number
}

export interface ExchangerOptions {
  readonly store: Store
  readonly clock: Clock
  /** The number of the worker's row; 0 while it has none, and another one after it has lost a row. */
  readonly worker: () => number
  readonly buffer: SettleBuffer
  readonly bounds: ReadyBounds
  readonly openClaims: OpenClaims
  /** @param requested - Jobs asked for by calls under way. */
  readonly demand: (requested: number) => Demand
  /** Tokens of every attempt the worker knows of and has not settled. */
  readonly knownTokens: () => readonly number[]
  readonly onJobs: (jobs: readonly ClaimedJob[]) => void
  readonly onHousekeeping: (result: HousekeepingResult) => void
  /** Jobs were cancelled because of what they depend on. */
  readonly onCascade: (ids: readonly number[]) => void
  /** A claim did not come to the end of the paused jobs that stand before others. */
  readonly onMorePaused: () => void
  /** The store has given this worker's leases away. */
  readonly onDead: (worker: number) => void
  /** A call sent at `sentAt` extended the lease of row `worker`. */
  readonly onBeat: (worker: number, sentAt: number) => void
  /** A call that should have extended the lease of row `worker` failed. */
  readonly onBeatFailed: (worker: number) => void
  /** Whether the worker wants nothing but to end: it claims no more, and holds no job. */
  readonly isLeaving: () => boolean
  /** The worker is leaving, nothing is under way and nothing waits to be recorded. */
  readonly onLeave: () => void
  readonly onError: (error: unknown, operation: string, retryInMs: number | undefined) => void
  readonly onExchange?: (told: {
    readonly limit: number
    readonly jobs: number
    readonly sweep: boolean
    readonly settled: number
    readonly lost: number
    readonly durationMs: number
  }) => void
  readonly jobTypes: readonly string[] | undefined
  readonly versions: ExchangeOptions['versions']
  readonly keepCompleted: boolean
  readonly leaseMs: number
  readonly heartbeatMs: number
  /** The longest between two looks at the store. */
  readonly tickMs: number
}

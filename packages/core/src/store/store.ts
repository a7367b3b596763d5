import type { AuditStore } from './audit.ts'
import type { ChangeStore } from './change.ts'
import type { ClaimStore } from './claim.ts'
import type { DependencyStore } from './dependencies.ts'
import type { EnqueueStore } from './enqueue.ts'
import type { InspectStore } from './inspect.ts'
import type { LogStore } from './logs.ts'
import type { MaintainStore } from './maintain.ts'
import type { MetricStore } from './metrics.ts'
import type { MigrateStore } from './migrate.ts'
import type { PauseStore } from './pause.ts'
import type { ScheduleStore } from './schedule.ts'
import type { SettleStore } from './settle.ts'
import type { SignalStore } from './signal.ts'
import type { SurveyStore } from './survey.ts'
import type { StepStore } from './steps.ts'
import type { TransferStore } from './transfer.ts'

/** What a store can do; asked before a call, never discovered by a late failure. */
export interface StoreFeatures {
  /** `{ db }`: adds inside the caller's transaction. */
  readonly callerTransactions: boolean
  /** Notifications between processes, beside polling. */
  readonly push: boolean
  /** Whether several processes can work one instance at the same time. */
  readonly multiProcess: boolean
  /** Steps, waits, tokens, signals and events: what handlers remember and wait for. Without, their calls reject with `NOT_YET`. */
  readonly steps: boolean
  /** `explain`: why a job is not running. */
  readonly explain: boolean
  /** `pause` and `resume`. */
  readonly pauses: boolean
}

/** How a heartbeat thread can open its own connection; plain data that can be sent to a thread. */
export interface HeartbeatTarget {
  /** What its `Client` is made with. */
  readonly connection: Readonly<Record<string, unknown>>
  /** The URL of a module that exports a `Client` such as node-postgres has, as far as a beat needs it; absent: node-postgres. */
  readonly driver?: string
  readonly schema: string
}

/** A wake-up: the priority levels that gained ready jobs, a running job somebody asked to cancel, or changed schedules. */
export type Wake =
  | { readonly kind: 'ready'; readonly priorities: readonly number[] }
  | { readonly kind: 'cancel'; readonly jobId: number }
  | { readonly kind: 'schedules' }

/**
 * The contract: everything a store must do, one interface per verb. A behaviour is defined by a conformance case and is
 * done when the case passes on every store.
 */
export interface Store
  extends
    EnqueueStore,
    ClaimStore,
    SettleStore,
    InspectStore,
    SurveyStore,
    DependencyStore,
    ChangeStore,
    ScheduleStore,
    LogStore,
    AuditStore,
    MetricStore,
    MaintainStore,
    MigrateStore,
    PauseStore,
    StepStore,
    SignalStore,
    TransferStore {
  readonly kind: 'postgres' | 'pglite' | 'redis'
  readonly features: StoreFeatures
  /** How many statements may be under way at once without waiting for a connection. At least 1. */
  readonly parallelism: number
  /** Present when a heartbeat thread can connect on its own. */
  readonly heartbeatTarget: HeartbeatTarget | null
  /**
   * Calls `onWake` for every wake-up until `signal` aborts. Resolves once it listens; lost connections are mended inside
   * and reported to `onError`. Polling works without it.
   */
  listen(options: {
    readonly onWake: (wake: Wake) => void
    readonly onError: (error: Error) => void
    readonly signal: AbortSignal
  }): Promise<void>
  /** Ends what the store opened itself; what the caller brought stays open. */
  close(): Promise<void>
}

import type { Clock } from '../model/clock.ts'
import type { HandlerEntry } from '../run/handler-entry.ts'
import type { Store } from '../store/store.ts'
import type { HeartbeatMode } from './heartbeat.ts'
import type { WorkerReports } from './reports.ts'

export interface WorkerOptions {
  readonly workerId: string
  readonly concurrency: number
  /** Bounds one claim when set. */
  readonly batchSize: number | undefined
  readonly groupConcurrency: number | undefined
  readonly jobTypes: readonly string[] | undefined
  readonly pollInterval: number
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly heartbeat: HeartbeatMode
  readonly prefetch: number | 'auto'
  readonly keepCompleted: boolean
  /** Claims so many once, runs them and stops. */
  readonly once?: number
}

export interface WorkerDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly entry: (jobType: string) => HandlerEntry | undefined
  readonly reports: WorkerReports
}

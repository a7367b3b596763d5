import { hostname } from 'node:os'
import type { Clock } from '../model/clock.ts'
import type { Transact } from '../model/transaction.ts'
import type { JobTracer } from '../observe/tracer.ts'
import type { RunSettings } from '../run/attempt-contract.ts'
import type { HandlerEntry } from '../run/handler-entry.ts'
import { VERSION } from '../model/version.ts'
import type { ClaimedJob, ExchangeOptions, RegisterOptions } from '../store/claim.ts'
import type { ChildSettings } from '../run/children.ts'
import type { StepScopes } from '../run/step-scope.ts'
import type { DependencyStore } from '../store/dependencies.ts'
import type { Store } from '../store/store.ts'
import type { HeartbeatMode } from './heartbeat.ts'
import type { MetricsBuffer } from './metrics-buffer.ts'
import type { WorkerReports } from './reports.ts'

export interface WorkerOptions {
  readonly workerId: string
  readonly concurrency: number
  /** Bounds one claim when set. */
  readonly batchSize: number | undefined
  readonly groupConcurrency: number | undefined
  readonly jobTypes: readonly string[] | undefined
  /** What its handlers can run; see `ExchangeOptions`. */
  readonly versions: ExchangeOptions['versions']
  readonly pollInterval: number
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly heartbeat: HeartbeatMode
  readonly prefetch: number | 'auto'
  readonly keepCompleted: boolean
  /** Whether it adds the jobs of due schedules. */
  readonly firesSchedules: boolean
  /** Claims so many once, runs them and stops. */
  readonly once?: number
}

/** What steps, waits, transactions and children of handlers need beyond the store. */
export interface WorkflowDependencies {
  readonly transact: Transact
  readonly scopes: StepScopes
  readonly children: ChildSettings
  /** Of a step's result. */
  readonly maxBytes: number
}

export interface WorkerDependencies {
  readonly store: Store
  readonly workflow: WorkflowDependencies
  readonly clock: Clock
  /** The handler of a job, by its type and the version it runs under. */
  readonly entry: (job: ClaimedJob) => HandlerEntry | undefined
  readonly reports: WorkerReports
  readonly metrics: Pick<MetricsBuffer, 'flush'>
  /** What surrounds handlers and steps at this moment. */
  readonly tracer: () => JobTracer | undefined
  readonly fireSchedules: () => Promise<{ readonly nextDueMs: number | null }>
}

/** What all attempts of a worker share: their reports go to the store, and from there to whoever listens. */
export function createRunSettings(
  { workerId, keepCompleted }: Pick<WorkerOptions, 'workerId' | 'keepCompleted'>,
  { store, clock, reports, tracer, workflow }: WorkerDependencies,
  logs: RunSettings['logs'],
): RunSettings {
  return {
    clock,
    workerId,
    workflow: { store, keepCompleted, tracer, ...workflow },
    report: async (report) => (await store.report({ reports: [report] }))[0] ?? 'lost',
    dependencies: dependenciesIn(store, workflow.scopes),
    ...(logs === undefined ? {} : { logs }),
    onProgress: (job, progress) => reports.progress(job, progress),
    onOutput: (job, output) => reports.output(job, output),
    onReportError: (_job, error) => reports.storeError(error, 'report', undefined),
  }
}

/** Read in the transaction that a handler calls from, which may hold the only connection. */
function dependenciesIn(store: DependencyStore, scopes: StepScopes): DependencyStore {
  const within = (id: number): Parameters<DependencyStore['listDependencies']>[0] => {
    const tx = scopes.getStore()?.tx
    return tx === undefined ? { id } : { id, db: tx }
  }
  return {
    listDependencies: ({ id }) => store.listDependencies(within(id)),
    countDependencies: ({ id }) => store.countDependencies(within(id)),
  }
}

/** How a worker introduces itself. */
export function registration(options: WorkerOptions): RegisterOptions {
  const { workerId, leaseMs, concurrency, groupConcurrency, jobTypes, versions } = options
  return {
    workerId,
    leaseMs,
    concurrency,
    host: hostname(),
    pid: process.pid,
    version: VERSION,
    ...(groupConcurrency === undefined ? {} : { groupConcurrency }),
    ...(jobTypes === undefined ? {} : { jobTypes }),
    ...(versions === undefined ? {} : { versions }),
  }
}

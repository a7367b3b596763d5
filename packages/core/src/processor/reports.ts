import { isMillraceError } from '../errors.ts'
import type { Clock } from '../model/clock.ts'
import { decodePayload } from '../model/codec.ts'
import { findDefinition, type JobDefinition } from '../model/define-jobs.ts'
import { toError } from '../model/error-record.ts'
import { FailureReason } from '../model/job.ts'
import type { Outcome } from '../model/outcome.ts'
import type { QueueEvents } from '../observe/events.ts'
import type { Hooks } from '../observe/hooks.ts'
import type { PendingSettlement } from '../settle/buffer.ts'
import { completion, decideSettlement } from '../settle/decide.ts'
import type { ClaimedJob, HousekeepingResult } from '../store/claim.ts'
import type { NewJob } from '../store/enqueue.ts'
import type { Settlement, SettleResult } from '../store/settle.ts'
import type { MeasuredEnd, MetricsBuffer } from './metrics-buffer.ts'

export interface WorkerReportsOptions {
  readonly workerId: string
  readonly clock: Clock
  readonly events: QueueEvents
  readonly hooks: Hooks
  readonly metrics: Pick<MetricsBuffer, 'measured'>
  readonly definitions: Readonly<Record<string, JobDefinition>> | undefined
  readonly onError: (error: Error) => void
}

/** Turns what happens in a worker into settlements, events and hooks. Nothing a listener does comes back from here. */
export class WorkerReports {
  readonly #options: WorkerReportsOptions

  constructor(options: WorkerReportsOptions) {
    this.#options = options
  }

  starting(job: ClaimedJob): void {
    const { events, hooks, workerId } = this.#options
    if (events.hasListeners('job:processing')) events.emit('job:processing', { jobId: job.id, jobType: job.jobType })
    if (!hooks.isActive) return
    const attempt = { jobId: job.id, jobType: job.jobType, attempt: job.attempt, workerId, token: job.token }
    hooks.emit({ type: 'job.started', ...attempt, waitedMs: 0 })
  }

  /** What must be recorded, with the events that follow once it is; `null` when it is already, or the lease is gone. */
  settlementOf(ended: Ended, children?: readonly NewJob[]): PendingSettlement | null {
    const { job, outcome } = ended
    const settlement = outcome.kind === 'returned' ? completion(job, outcome, children) : this.#decide(job, outcome)
    if (settlement !== null) return new EndedAttempt(this, settlement, ended)
    if (outcome.kind === 'committed') {
      this.#settled(ended, 'settled', false)
      this.#options.metrics.measured(ended, 'completed')
      this.#options.events.emit('job:completed', { jobId: job.id, jobType: job.jobType })
    } else {
      this.#settled(ended, 'lost', false)
    }
    return null
  }

  #decide(job: ClaimedJob, outcome: Outcome): Settlement | null {
    const { clock, workerId, definitions, onError } = this.#options
    const ask = findDefinition(definitions, job.jobType)?.retry
    return decideSettlement(job, outcome, {
      workerId,
      now: () => clock.date(),
      random: () => clock.random(),
      onPolicyError: (error) => onError(toError(error)),
      ...(ask === undefined ? {} : { retry: { ask, payload: () => decodePayload(job.payload, job.codec) } }),
    })
  }

  progress(job: ClaimedJob, progress: number): void {
    this.#options.events.emit('job:progress', { jobId: job.id, progress })
  }

  output(job: ClaimedJob, output: unknown): void {
    this.#options.events.emit('job:output', { jobId: job.id, output })
  }

  leaseLost(job: ClaimedJob): void {
    const { hooks, workerId } = this.#options
    if (!hooks.isActive) return
    hooks.emit({
      type: 'lease.lost',
      jobId: job.id,
      jobType: job.jobType,
      attempt: job.attempt,
      workerId,
      token: job.token,
    })
  }

  storeError(error: unknown, operation: string, retryInMs: number | undefined): void {
    const { hooks, events, onError } = this.#options
    const known = toError(error)
    if (hooks.isActive) {
      hooks.emit({
        type: 'store.error',
        operation,
        error,
        willRepeat: retryInMs !== undefined,
        ...(retryInMs === undefined ? {} : { retryInMs }),
        ...(isMillraceError(error) ? { code: error.code } : {}),
      })
    }
    try {
      onError(known)
    } catch (thrown) {
      events.emit('error', toError(thrown))
    }
    events.emit('error', known)
  }

  exchanged(told: {
    limit: number
    jobs: number
    sweep: boolean
    settled: number
    lost: number
    durationMs: number
  }): void {
    const { hooks, workerId } = this.#options
    if (!hooks.isActive) return
    const { durationMs } = told
    if (told.settled > 0)
      hooks.emit({ type: 'settle', workerId, settlements: told.settled, lost: told.lost, durationMs })
    if (told.limit > 0)
      hooks.emit({ type: 'claim', workerId, requested: told.limit, jobs: told.jobs, sweep: told.sweep, durationMs })
  }

  kept(result: HousekeepingResult): void {
    const { hooks } = this.#options
    if (!hooks.isActive) return
    if (result.rescued > 0) hooks.emit({ type: 'rescue', jobs: result.rescued })
    if (result.promoted > 0) hooks.emit({ type: 'promote', jobs: result.promoted })
  }

  cascaded(ids: readonly number[]): void {
    for (const jobId of ids) this.#options.events.emit('job:cancelled', { jobId })
  }

  beat(by: 'thread' | 'main', durationMs: number): void {
    const { hooks, workerId } = this.#options
    if (hooks.isActive) hooks.emit({ type: 'heartbeat', workerId, by, durationMs })
  }

  started(worker: number, concurrency: number, heartbeat: 'thread' | 'main'): void {
    const { hooks, workerId } = this.#options
    if (hooks.isActive) hooks.emit({ type: 'worker.started', workerId, worker, concurrency, heartbeat })
  }

  stopped(): void {
    const { hooks, workerId } = this.#options
    if (hooks.isActive) hooks.emit({ type: 'worker.stopped', workerId, handedBack: 0, durationMs: 0 })
  }

  /** The store has answered: tells whoever listens. */
  recorded(ended: Ended, settlement: Settlement, result: SettleResult, error: unknown): void {
    const willRetry = GOES_ON.has(settlement.kind)
    this.#settled(ended, result, willRetry)
    if (error !== undefined) this.storeError(error, 'settle', undefined)
    if (result === 'lost') return
    const { events, metrics } = this.#options
    const end = MEASURED[settlement.kind]
    if (end !== undefined) metrics.measured(ended, end)
    const { job, outcome } = ended
    const subject = { jobId: job.id, jobType: job.jobType }
    switch (settlement.kind) {
      case 'completed':
        if (events.hasListeners('job:completed')) events.emit('job:completed', subject)
        break
      case 'retry':
      case 'failed':
        if (events.hasListeners('job:failed')) {
          const thrown = outcome.kind === 'threw' || outcome.kind === 'fatal' ? outcome.error : undefined
          events.emit('job:failed', { ...subject, error: toError(thrown), willRetry })
        }
        break
      case 'cancelled':
        events.emit('job:cancelled', { jobId: job.id })
        break
      case 'waiting':
        events.emit('job:waiting', subject)
        break
      case 'snoozed':
      case 'released':
        break
    }
  }

  #settled({ job, outcome, durationMs }: Ended, result: SettleResult, willRetry: boolean): void {
    const { hooks, workerId } = this.#options
    if (!hooks.isActive) return
    const failed = outcome.kind === 'threw' || outcome.kind === 'fatal'
    hooks.emit({
      type: 'job.settled',
      jobId: job.id,
      jobType: job.jobType,
      attempt: job.attempt,
      workerId,
      outcome: outcome.kind,
      result,
      durationMs,
      willRetry,
      ...(failed ? { reason: outcome.reason, error: outcome.error } : {}),
    })
  }
}

/** What leaves a job that its handler is called for again. */
const GOES_ON: ReadonlySet<Settlement['kind']> = new Set(['retry', 'snoozed', 'released', 'waiting'])

/** What an attempt counts as; the others are no end of anything. */
const MEASURED: Partial<Readonly<Record<Settlement['kind'], MeasuredEnd>>> = {
  completed: 'completed',
  retry: 'retried',
  failed: 'failed',
}

/** An attempt that is over. */
export interface Ended {
  readonly job: ClaimedJob
  readonly outcome: Outcome
  /** When the handler was called, by the worker's clock. */
  readonly startedAt: number
  /** From there to its end. */
  readonly durationMs: number
}

/** Of a job that was claimed and goes back. */
export function unstarted(job: ClaimedJob, outcome: Outcome): Ended {
  return { job, outcome, startedAt: 0, durationMs: 0 }
}

/** A settlement on its way, as an object with methods: one is made for every job, where closures would be three. */
class EndedAttempt implements PendingSettlement, Ended {
  readonly settlement: Settlement
  readonly job: ClaimedJob
  readonly outcome: Outcome
  readonly startedAt: number
  readonly durationMs: number
  readonly #reports: WorkerReports

  constructor(reports: WorkerReports, settlement: Settlement, { job, outcome, startedAt, durationMs }: Ended) {
    this.settlement = settlement
    this.job = job
    this.outcome = outcome
    this.startedAt = startedAt
    this.durationMs = durationMs
    this.#reports = reports
  }

  onSettled(result: SettleResult, error?: unknown): void {
    this.#reports.recorded(this, this.settlement, result, error)
  }

  /** For an output, a child or an error that only the database refuses: the job has a clear error instead of being stuck. */
  insteadOf(error: unknown): PendingSettlement | null {
    const { settlement, job } = this
    if (settlement.kind === 'completed' && (settlement.output !== undefined || settlement.children !== undefined))
      return this.#reports.settlementOf(this.#endedBy({ kind: 'fatal', error, reason: FailureReason.HandlerError }))
    if ((settlement.kind !== 'retry' && settlement.kind !== 'failed') || settlement.error.message === UNSTORABLE)
      return null
    const { timestamp } = settlement.error
    const plain = { message: UNSTORABLE, timestamp, reason: settlement.reason, attempt: job.attempt }
    return new EndedAttempt(this.#reports, { ...settlement, error: plain }, this)
  }

  #endedBy(outcome: Outcome): Ended {
    const { job, startedAt, durationMs } = this
    return { job, outcome, startedAt, durationMs }
  }
}

const UNSTORABLE = 'The database refused to store the error of this attempt.'

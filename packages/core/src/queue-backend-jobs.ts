import { hostname } from 'node:os'
import { checkDate, checkInteger, checkText, isRecord, refuseOption } from './model/check.ts'
import { systemClock } from './model/clock.ts'
import { encodeOutput } from './model/codec.ts'
import type { CreateTokenOptions, WaitToken } from './model/handler.ts'
import { FailureReason, type JobRecord } from './model/job.ts'
import { PROCESSOR_RANGES, validateProcessorNumbers } from './model/options.ts'
import { statusCondition } from './postgres/filter.ts'
import { PoolExecutor } from './postgres/pool-executor.ts'
import type { PoolLike } from './postgres/pool.ts'
import { Database } from './postgres/schema.ts'
import { createPostgresStore } from './postgres/store.ts'
import type { JobQueue } from './queue-api.ts'
import { type ScheduleBackendMethods, scheduleBackend } from './queue-backend-schedules.ts'
import { initJobQueue } from './queue.ts'
import { encodeResult } from './run/step-options.ts'
import { newToken } from './run/workflow.ts'
import { decideSettlement } from './settle/decide.ts'
import type { ClaimedJob, ExchangeResult } from './store/claim.ts'
import type { Settlement } from './store/settle.ts'
import type { Store } from './store/store.ts'
import { VERSION } from './model/version.ts'

/** Between two calls for a worker id its claims are safe for this long; nothing beats for them in the background. */
const LEASE_MS = 600_000

export interface ClaimRequest {
  readonly workerId: string
  readonly limit: number
  readonly jobTypes: readonly string[] | undefined
  readonly groupConcurrency: number | undefined
}

export interface WaitJobOptions {
  readonly waitUntil?: Date | undefined
  readonly waitTokenId?: string | undefined
  /** Steps, as `{ __completed: true, result }`, and waits by position: the pending one of `__wait_0` and so on is this. */
  readonly stepData: Readonly<Record<string, unknown>>
}

/** Of a step's result. */
const MAX_RESULT_BYTES = 1_048_576

const ID_RANGE = {
  min: 1,
  max: Number.MAX_SAFE_INTEGER,
  remedy: 'Pass the number that `addJob` resolved with',
}

/** The position of the first wait that is not over; without one, of the next. */
function pendingWait(stepData: Readonly<Record<string, unknown>>): number {
  const waits = Object.entries(stepData).flatMap(([name, entry]) => {
    const position = /^__wait_(\d+)$/.exec(name)?.[1]
    return position === undefined
      ? []
      : [{ at: Number(position), isOver: isRecord(entry) && entry['completed'] === true }]
  })
  const pending = waits.filter(({ isOver }) => !isOver).map(({ at }) => at)
  return pending.length > 0 ? Math.min(...pending) : waits.length
}

interface HeldJob {
  readonly job: ClaimedJob
  readonly workerId: string
  readonly worker: number
}

interface OpenWorker {
  readonly worker: Promise<number>
  readonly groupConcurrency: number | undefined
}

/**
 * Jobs claimed by hand over one pool, with their leases. The backends of a pool share it, because DataQueue's code makes a
 * new backend for every call.
 */
export class HeldJobs {
  readonly queue: JobQueue
  readonly schedules: ScheduleBackendMethods
  readonly #store: Store
  readonly #db: Database
  readonly #held = new Map<number, HeldJob>()
  readonly #workers = new Map<string, OpenWorker>()

  constructor(pool: PoolLike, schema: string) {
    this.queue = initJobQueue({ pool, schema, listen: false })
    const executor = new PoolExecutor({ pool })
    this.#store = createPostgresStore({ executor, schema })
    this.#db = new Database(executor, schema)
    this.schedules = scheduleBackend({ queue: this.queue, store: this.#store, db: this.#db })
  }

  async claim(request: ClaimRequest): Promise<readonly JobRecord[]> {
    checkText('workerId', request.workerId)
    checkInteger('batchSize', request.limit, PROCESSOR_RANGES.batchSize)
    validateProcessorNumbers({ groupConcurrency: request.groupConcurrency })
    const { worker, result } = await this.#claimOnce(request, true)
    if (result.jobs.length === 0) return []
    for (const job of result.jobs) this.#held.set(job.id, { job, workerId: request.workerId, worker })
    const ids = result.jobs.map((job) => job.id)
    const records = new Map(
      (await this.#store.listJobs({ ids, limit: ids.length })).map((record) => [record.id, record]),
    )
    return ids.flatMap((id) => records.get(id) ?? [])
  }

  async complete(jobId: number, value: unknown): Promise<void> {
    const held = this.#held.get(jobId)
    const output = encodeOutput(value)
    if (held === undefined) return
    const { id, token } = held.job
    await this.#settle(held, { id, token, kind: 'completed', ...(output === undefined ? {} : { output }) })
  }

  async fail(jobId: number, error: unknown, reason: FailureReason = FailureReason.HandlerError): Promise<void> {
    const held = this.#held.get(jobId) ?? (await this.#take(jobId))
    if (held === undefined) return
    const settlement = decideSettlement(
      held.job,
      { kind: 'threw', error, reason },
      {
        workerId: held.workerId,
        now: () => systemClock.date(),
        random: () => systemClock.random(),
        onPolicyError: () => undefined,
      },
    )
    if (settlement !== null) await this.#settle(held, settlement)
  }

  async report(
    jobId: number,
    { output, ...values }: { readonly progress?: number; readonly output?: unknown; readonly prolongedMs?: number },
  ): Promise<void> {
    const held = this.#held.get(jobId)
    if (held === undefined) return
    const { id, token } = held.job
    const text = encodeOutput(output)
    await this.#store.report({ reports: [{ id, token, ...values, ...(text === undefined ? {} : { output: text }) }] })
    await this.#store.heartbeat({ worker: held.worker, leaseMs: LEASE_MS })
  }

  /** As documented: a progress or output that cannot be stored must not fail the job. */
  async reportQuietly(jobId: number, values: { readonly progress?: number; readonly output?: unknown }): Promise<void> {
    await this.report(jobId, values).catch(() => undefined)
  }

  async createToken(jobId: number | null, options: CreateTokenOptions = {}): Promise<WaitToken> {
    if (jobId !== null) checkInteger('jobId', jobId, ID_RANGE)
    const token = newToken(options)
    await this.queue.ready()
    await this.#store.createToken({ ...token, jobId: jobId ?? undefined })
    return { id: token.tokenId }
  }

  async remember(jobId: number, stepData: Readonly<Record<string, unknown>>): Promise<void> {
    const held = this.#held.get(jobId)
    if (held === undefined) return
    const { id, token, attempt } = held.job
    for (const [name, entry] of Object.entries(stepData)) {
      if (!isRecord(entry) || entry['__completed'] !== true) continue
      const { stored } = encodeResult(entry['result'], name, MAX_RESULT_BYTES)
      const outcome = { kind: 'done', result: stored } as const
      await this.#store.storeStep({ id, token, step: { key: `s:${name}`, attempt, tries: 1, durationMs: 0, outcome } })
    }
    await this.#store.heartbeat({ worker: held.worker, leaseMs: LEASE_MS })
  }

  async wait(jobId: number, { waitUntil, waitTokenId, stepData }: WaitJobOptions): Promise<void> {
    const held = this.#held.get(jobId)
    if (held === undefined) return
    if (waitUntil !== undefined) checkDate('waitUntil', waitUntil)
    if (waitTokenId !== undefined) checkText('waitTokenId', waitTokenId)
    await this.remember(jobId, stepData)
    const { id, token, attempt } = held.job
    const key = `p:${pendingWait(stepData)}`
    const until = waitUntil === undefined ? null : { at: waitUntil }
    const kind = waitTokenId === undefined ? 'time' : 'token'
    const wait = { key, kind, attempt, until, awaited: waitTokenId ?? null, filter: null } as const
    const opened = await this.#store.openWait({ id, token, wait })
    if (opened === 'unknown_token') refuseOption('waitTokenId', waitTokenId, 'the id of a token', 'Make it before')
    if (opened !== 'lost') await this.#settle(held, { id, token, kind: 'waiting', waits: [key] })
  }

  async setPendingReason(reason: string, jobTypes: readonly string[] | undefined): Promise<void> {
    await this.queue.ready()
    await this.#db.query(
      'update :schema.jobs j set pending_reason = $1::text ' +
        `where ${statusCondition('jobs', 'pending')} ` +
        'and ($2::text[] is null or j.job_type = any ($2::text[])) and j.pending_reason is distinct from $1::text',
      [reason, jobTypes ?? null],
    )
  }

  async close(): Promise<void> {
    const workers = await Promise.all([...this.#workers.values()].map((open) => open.worker))
    this.#workers.clear()
    this.#held.clear()
    for (const worker of workers) await this.#store.unregister({ worker })
  }

  async #claimOnce(request: ClaimRequest, mayRepeat: boolean): Promise<{ worker: number; result: ExchangeResult }> {
    const worker = await this.#worker(request.workerId, request.groupConcurrency)
    const { limit, jobTypes } = request
    const result = await this.#store.exchange({
      worker,
      settlements: [],
      limit,
      slots: limit,
      from: 'sweep',
      housekeeping: true,
      heartbeatMs: LEASE_MS,
      keepCompleted: true,
      ...(jobTypes === undefined ? {} : { jobTypes }),
    })
    if (result.alive || !mayRepeat) return { worker, result }
    // Silent for longer than its lease: it starts afresh, under a new number.
    this.#workers.delete(request.workerId)
    return this.#claimOnce(request, false)
  }

  /** A job that nobody runs, claimed by its id; only one with a place in its group, or without a group. */
  async #take(jobId: number): Promise<HeldJob | undefined> {
    checkInteger('id', jobId, ID_RANGE)
    const workerId = `${hostname().slice(0, 100)}:${process.pid}`
    const worker = await this.#worker(workerId, undefined)
    await this.#db.query(
      "with taken as (update :schema.jobs j set lane = 'x', token = nextval(':schema.lease_tokens'), worker = w.id, locked_by = w.worker_id, " +
        'claimed_at = clock_timestamp(), started_at = coalesce(j.started_at, clock_timestamp()), attempts = j.attempts + 1, ' +
        'due_at = null, next_attempt_at = null, wait_until = null, wait_token_id = null, pending_reason = null from :schema.workers w ' +
        "where j.id = $1::bigint and w.id = $2::bigint and (j.lane = 'r' or (j.lane = 't' and j.group_key is null)) " +
        'returning j.id, j.token, j.worker) insert into :schema.leases (token, worker, job_ids) select token, worker, array[id] from taken',
      [jobId, worker],
    )
    const job = (await this.#store.leased({ worker, known: [] })).find((leased) => leased.id === jobId)
    return job === undefined ? undefined : { job, workerId, worker }
  }

  async #settle(held: HeldJob, settlement: Settlement): Promise<void> {
    await this.#store.exchange({
      worker: held.worker,
      settlements: [settlement],
      limit: 0,
      slots: 0,
      from: 'sweep',
      heartbeatMs: LEASE_MS,
      keepCompleted: true,
      closedTokens: this.#isLastOf(held.job) ? [held.job.token] : [],
    })
    if (this.#held.get(held.job.id)?.job.token === held.job.token) this.#held.delete(held.job.id)
  }

  /** Whether nothing else of the claim that `job` came with is left to settle. */
  #isLastOf({ id, token }: ClaimedJob): boolean {
    return [...this.#held.values()].every((other) => other.job.token !== token || other.job.id === id)
  }

  async #worker(workerId: string, groupConcurrency: number | undefined): Promise<number> {
    const known = this.#workers.get(workerId)
    if (known !== undefined && (groupConcurrency === undefined || known.groupConcurrency === groupConcurrency))
      return known.worker
    const worker = this.queue.ready().then(() =>
      this.#store.register({
        workerId,
        leaseMs: LEASE_MS,
        concurrency: 1,
        host: hostname(),
        pid: process.pid,
        version: VERSION,
        ...(groupConcurrency === undefined ? {} : { groupConcurrency }),
      }),
    )
    this.#workers.set(workerId, { worker, groupConcurrency })
    worker.catch(() => this.#workers.delete(workerId))
    return worker
  }
}

/**
 * Module-level state, against the style guide, and on purpose: programs written for DataQueue make a `new
 * PostgresBackend(pool)` for every call, so a claim must outlive the backend that made it, and the pool is all that the
 * backend of the next call has in common with it. The entries are held by their pool, and end with it.
 */
const heldByPool = new WeakMap<PoolLike, Map<string, HeldJobs>>()

export function heldJobs(pool: PoolLike, schema: string): HeldJobs {
  const bySchema = heldByPool.get(pool) ?? new Map<string, HeldJobs>()
  heldByPool.set(pool, bySchema)
  const known = bySchema.get(schema) ?? new HeldJobs(pool, schema)
  bySchema.set(schema, known)
  return known
}

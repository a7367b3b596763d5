import type { ChangeResult } from '../../src/store/change.ts'
import type {
  ClaimedJob,
  ExchangeOptions,
  ExchangeResult,
  HousekeepingResult,
  RegisterOptions,
} from '../../src/store/claim.ts'
import type { EnqueueOptions, EnqueueResult } from '../../src/store/enqueue.ts'
import type { ReportOptions, Settlement, SettleResult } from '../../src/store/settle.ts'
import type { Wake } from '../../src/store/store.ts'
import type { History } from './history.ts'
import { EPOCH } from './process.ts'
import {
  byOrder,
  claimedJob,
  groupOf,
  isLive,
  levelsOf,
  priorityOf,
  type Row,
  wasSettled,
  type WorkerRow,
} from './reference-rows.ts'

/** Faults built into the store on purpose, to see whether the checks notice. */
export type StoreSabotage = 'no fence' | 'no rescue' | 'eager rescue' | 'no group limit' | 'no attempt limit'

export interface ReferenceStoreOptions {
  readonly now: () => number
  readonly history: History
  readonly keepCompleted: boolean
  readonly onWake: (wake: Wake) => void
  readonly sabotage?: StoreSabotage | undefined
}

/**
 * What every store promises, as plainly as it can be said: each method is one statement, takes effect at once, and decides
 * by the store's own clock. How the SQL functions do the same fast is not repeated here.
 */
export class ReferenceStore {
  readonly rows: Map<number, Row> = new Map()
  readonly workers: Map<number, WorkerRow> = new Map()
  readonly #options: ReferenceStoreOptions
  readonly #keys = new Map<string, number>()
  readonly #wokenGroups = new Set<string>()
  #nextId = 1
  #nextToken = 1
  #nextWorker = 1
  #groupLimit: number | undefined

  constructor(options: ReferenceStoreOptions) {
    this.#options = options
  }

  enqueue({ jobs, nonce, notify }: EnqueueOptions): EnqueueResult {
    const created = new Set<number>()
    const ids = jobs.map((job, index) => {
      const known = job.idempotencyKey === undefined ? undefined : this.#keys.get(job.idempotencyKey)
      if (known !== undefined) return known
      created.add(index)
      const id = this.#nextId++
      if (job.idempotencyKey !== undefined) this.#keys.set(job.idempotencyKey, id)
      const dueAt = job.runAt && job.runAt.getTime() - EPOCH
      const row: Row = {
        id,
        job,
        createdAt: this.now,
        nonce,
        readySeq: id,
        lane: 'timed',
        attempts: 0,
        maxAttempts: job.maxAttempts ?? 3,
        crashes: 0,
        token: undefined,
        worker: undefined,
        dueAt,
        isBetweenAttempts: false,
        isCancelRequested: false,
        trail: [],
      }
      this.rows.set(id, row)
      if (dueAt === undefined || dueAt <= this.now) this.#becomeReady(row)
      this.#options.history.add({ kind: 'added', id, maxAttempts: row.maxAttempts, group: groupOf(row) })
      return id
    })
    const hasSleepers = [...this.workers.values()].some(({ isSleeping }) => isSleeping)
    if (notify === true && hasSleepers) this.wake([...new Set(jobs.map(({ priority }) => priority ?? 0))])
    const all = created.size === jobs.length ? 'all' : created
    return { ids, created: all, sleepers: hasSleepers && notify !== true }
  }

  findEnqueued(nonce: number, sinceId: number): readonly number[] | null {
    const ids = [...this.rows.values()].filter((row) => row.id > sinceId && row.nonce === nonce).map(({ id }) => id)
    return ids.length === 0 ? null : ids
  }

  wake(priorities: readonly number[]): void {
    this.#options.onWake({ kind: 'ready', priorities })
  }

  register(options: RegisterOptions): number {
    const { leaseMs, groupConcurrency } = options
    const id = this.#nextWorker++
    const expiresAt = this.now + leaseMs
    const leases = new Map<number, readonly number[]>()
    const cancelRequests = new Map<number, { id: number; token: number; lost: boolean }>()
    this.workers.set(id, { id, leaseMs, groupConcurrency, expiresAt, isSleeping: true, leases, cancelRequests })
    this.#setGroupLimit()
    this.#options.history.add({ kind: 'registered', worker: id, leaseMs, processor: options.workerId })
    return id
  }

  unregister(worker: number): void {
    const held = this.#leased(worker)
    this.workers.delete(worker)
    for (const { id, token = 0 } of held) this.#settle({ id, token, kind: 'released' })
    this.#setGroupLimit()
    this.#options.history.add({ kind: 'unregistered', worker })
  }

  heartbeat(worker: number, leaseMs: number): boolean {
    const row = this.workers.get(worker)
    if (row !== undefined) row.expiresAt = this.now + leaseMs
    return row !== undefined
  }

  leased(worker: number, known: readonly number[]): readonly ClaimedJob[] {
    return this.#leased(worker)
      .filter(({ token = 0 }) => !known.includes(token))
      .toSorted(byOrder)
      .map(claimedJob)
  }

  exchange(options: ExchangeOptions): ExchangeResult {
    const { worker: number, heartbeatMs, limit } = options
    const worker = this.workers.get(number)
    if (heartbeatMs !== undefined) this.heartbeat(number, heartbeatMs)
    const settled = options.settlements.map((settlement) => this.#settle(settlement))
    this.#noteWorker(worker, options)
    const housekeeping = options.housekeeping === true ? this.#keepHouse(number) : undefined
    const isMissed = limit > 0 && [...this.rows.values()].some(({ lane }) => lane === 'ready')
    const isQuiet = heartbeatMs === undefined && housekeeping === undefined && !isMissed
    const alive = this.workers.has(number) || isQuiet
    const told = { settled, alive, ...(housekeeping === undefined ? {} : { housekeeping }) }
    if (limit === 0 || worker === undefined || !this.workers.has(number)) return { jobs: [], ...told }
    return { ...this.#claim(worker, options), ...told }
  }

  #noteWorker(worker: WorkerRow | undefined, { sleeping, closedTokens = [] }: ExchangeOptions): void {
    if (worker === undefined) return
    worker.isSleeping = sleeping ?? worker.isSleeping
    for (const token of closedTokens) worker.leases.delete(token)
  }

  settle(settlements: readonly Settlement[]): readonly SettleResult[] {
    return settlements.map((settlement) => this.#settle(settlement))
  }

  report(reports: readonly ReportOptions[]): readonly SettleResult[] {
    return reports.map(({ id, token }) => (this.#executing(id, token) === undefined ? 'lost' : 'settled'))
  }

  /** Of live workers nothing is taken, however long it runs; what the dead left is what a rescue takes. */
  reclaimStuck(): number {
    return this.#rescue()
  }

  cancel(id: number): ChangeResult {
    const row = this.rows.get(id)
    if (row === undefined) return 'not_found'
    if (!isLive(row)) return 'unchanged'
    if (row.lane === 'executing') {
      row.isCancelRequested = true
      this.#options.history.add({ kind: 'cancel requested', id, token: row.token ?? 0 })
      this.#askToStop(row, false)
      this.#options.onWake({ kind: 'cancel', jobId: id })
      return 'requested'
    }
    const held = row.lane === 'ready'
    row.lane = 'cancelled'
    if (held) this.#leaveGroup(row)
    this.#options.history.add({ kind: 'cancelled', id })
    return 'changed'
  }

  retry(id: number): ChangeResult {
    const row = this.rows.get(id)
    if (row === undefined) return 'not_found'
    const wasExecuting = row.lane === 'executing'
    const isOver = row.lane === 'failed' || row.lane === 'cancelled'
    if (!wasExecuting && !isOver && !row.isBetweenAttempts) return 'unchanged'
    if (wasExecuting) {
      this.#askToStop(row, true)
      this.#options.history.add({ kind: 'revoked', id, token: row.token ?? 0 })
      row.token = undefined
      row.worker = undefined
    }
    row.maxAttempts = Math.max(row.maxAttempts, row.attempts + 1)
    row.isCancelRequested = false
    this.#options.history.add({ kind: 'retried', id, maxAttempts: row.maxAttempts })
    this.#becomeReady(row, wasExecuting || row.lane === 'ready')
    return 'changed'
  }

  get now(): number {
    return this.#options.now()
  }

  #becomeReady(row: Row, keepsPlace = false): void {
    const group = groupOf(row)
    row.readySeq = this.#nextId++
    row.dueAt = undefined
    row.isBetweenAttempts = false
    row.lane = group === null || keepsPlace ? 'ready' : 'group'
    if (row.lane === 'group' && group !== null) this.#wokenGroups.add(group)
  }

  #leaveGroup(row: Row): void {
    const group = groupOf(row)
    if (group !== null) this.#wokenGroups.add(group)
  }

  #serveGroups(): void {
    for (const group of this.#wokenGroups) {
      const members = [...this.rows.values()].filter((row) => groupOf(row) === group)
      const active = members.filter(({ lane }) => lane === 'ready' || lane === 'executing').length
      const limit = this.#options.sabotage === 'no group limit' ? undefined : this.#groupLimit
      const room = Math.max(0, (limit ?? Number.POSITIVE_INFINITY) - active)
      const waiting = members.filter(({ lane }) => lane === 'group').toSorted(byOrder)
      for (const row of waiting.slice(0, room)) this.#becomeReady(row, true)
    }
    this.#wokenGroups.clear()
  }

  #setGroupLimit(): void {
    // Also of workers that are late: until they are rescued they may come back.
    const limits = [...this.workers.values()].flatMap(({ groupConcurrency = [] }) => groupConcurrency)
    const limit = limits.length === 0 ? undefined : Math.min(...limits)
    if (limit === this.#groupLimit) return
    this.#groupLimit = limit
    for (const row of this.rows.values()) {
      const group = groupOf(row)
      if (group === null) continue
      if (row.lane === 'ready') row.lane = 'group'
      if (row.lane === 'group') this.#wokenGroups.add(group)
    }
  }

  #claim(
    worker: WorkerRow,
    { limit, slots, from, jobTypes, groups }: ExchangeOptions,
  ): Pick<ExchangeResult, 'jobs' | 'hasHeld' | 'levels'> {
    if (groups === true || from === 'sweep') this.#serveGroups()
    const bounds = from === 'sweep' ? undefined : new Map(from.map(({ priority, fromSeq }) => [priority, fromSeq]))
    const found = [...this.rows.values()]
      .filter((row) => row.lane === 'ready' && (jobTypes === undefined || jobTypes.includes(row.job.jobType)))
      .filter(
        (row) => bounds === undefined || row.readySeq >= (bounds.get(priorityOf(row)) ?? Number.POSITIVE_INFINITY),
      )
      .toSorted(byOrder)
      .slice(0, limit)
    let lasts = 0
    const taken = found.filter((row) => row.attempts + 1 < row.maxAttempts || ++lasts <= slots)
    const token = this.#nextToken++
    for (const row of taken) {
      row.lane = 'executing'
      row.attempts += 1
      row.token = token
      row.worker = worker.id
      row.isBetweenAttempts = false
      this.#options.history.add({ kind: 'claimed', id: row.id, token, worker: worker.id, attempt: row.attempts })
    }
    if (taken.length > 0)
      worker.leases.set(
        token,
        taken.map(({ id }) => id),
      )
    return {
      jobs: taken.map(claimedJob),
      ...(taken.length < found.length ? { hasHeld: true } : {}),
      ...(from === 'sweep' ? { levels: levelsOf(this.rows.values()) } : {}),
    }
  }

  #keepHouse(worker: number): HousekeepingResult {
    const rescued = this.#rescue()
    const due = [...this.rows.values()].filter(
      ({ lane, dueAt }) => lane === 'timed' && dueAt !== undefined && dueAt <= this.now,
    )
    for (const row of due) this.#becomeReady(row)
    const next = Math.min(
      ...[...this.rows.values()].map(({ lane, dueAt }) => (lane === 'timed' ? (dueAt ?? Infinity) : Infinity)),
    )
    return {
      nextDueMs: Number.isFinite(next) ? next - this.now : null,
      cancelRequests: [...(this.workers.get(worker)?.cancelRequests.values() ?? [])],
      rescued,
      promoted: due.length,
      schedulesDueMs: null,
    }
  }

  /** Leases are found through the claims, as in SQL: a claim that was closed too early would never be found again. */
  #leased(worker: number): Row[] {
    const ids = new Set([...(this.workers.get(worker)?.leases.values() ?? [])].flat())
    return [...ids].flatMap((id) => {
      const row = this.rows.get(id)
      return row?.lane === 'executing' && row.worker === worker ? [row] : []
    })
  }

  #rescue(): number {
    const { sabotage } = this.#options
    if (sabotage === 'no rescue') return 0
    let count = 0
    for (const { id: worker, expiresAt, leaseMs } of this.workers.values()) {
      const isExpired = expiresAt < this.now || (sabotage === 'eager rescue' && expiresAt - 0.8 * leaseMs < this.now)
      if (!isExpired) continue
      const held = this.#leased(worker)
      this.workers.delete(worker)
      for (const row of held) this.#takeBack(row, worker)
      count += held.length
    }
    this.#setGroupLimit()
    if (count > 0) this.wake([])
    return count
  }

  #takeBack(row: Row, worker: number): void {
    const { id, token = 0, isCancelRequested } = row
    const isUsedUp = row.attempts >= row.maxAttempts && this.#options.sabotage !== 'no attempt limit'
    const isFinal = isUsedUp || row.crashes >= 4 || isCancelRequested
    this.#options.history.add({ kind: 'rescued', id, token, worker, isFinal })
    row.worker = undefined
    if (isFinal) {
      row.lane = isCancelRequested ? 'cancelled' : 'failed'
      this.#leaveGroup(row)
    } else {
      row.token = undefined
      row.crashes += 1
      this.#becomeReady(row, true)
    }
  }

  #executing(id: number, token: number): Row | undefined {
    const row = this.rows.get(id)
    if (row?.lane !== 'executing') return undefined
    return row.token === token || this.#options.sabotage === 'no fence' ? row : undefined
  }

  #settle(settlement: Settlement): SettleResult {
    const { id, token, kind } = settlement
    const row = this.#executing(id, token)
    if (row === undefined) return wasSettled(this.rows.get(id), settlement, this.#options) ? 'settled' : 'lost'
    const isStopped = row.isCancelRequested && (kind === 'retry' || kind === 'snoozed' || kind === 'released')
    const as = isStopped ? 'cancelled' : kind
    row.worker = undefined
    row.trail.push({ token, as })
    this.#options.history.add({ kind: 'settled', id, token, as })
    this.workers.forEach(({ cancelRequests }) => cancelRequests.delete(token * 1e6 + id))
    this.#end(row, as, 'delayMs' in settlement ? settlement.delayMs : 0)
    return 'settled'
  }

  #end(row: Row, as: Settlement['kind'], delayMs: number): void {
    switch (as) {
      case 'completed':
      case 'failed':
      case 'cancelled':
        row.lane = as
        break
      case 'retry':
        row.lane = row.attempts < row.maxAttempts || this.#options.sabotage === 'no attempt limit' ? 'timed' : 'failed'
        row.isBetweenAttempts = row.lane === 'timed'
        row.dueAt = this.now + delayMs
        row.crashes = 0
        break
      case 'snoozed':
        row.lane = 'timed'
        row.dueAt = this.now + delayMs
        row.attempts -= 1
        break
      case 'released':
        // In its old place, and with the place in its group that it holds.
        row.lane = 'ready'
        row.attempts -= 1
        return
      case 'waiting':
        throw new Error('Handlers here do not wait.')
    }
    this.#leaveGroup(row)
  }

  #askToStop({ id, token = 0, worker = 0 }: Row, lost: boolean): void {
    this.workers.get(worker)?.cancelRequests.set(token * 1e6 + id, { id, token, lost })
  }
}

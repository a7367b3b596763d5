import type { ChangeResult } from '../../src/store/change.ts'
import type { Settlement, SettleResult } from '../../src/store/settle.ts'
import { holdsPlace, inOrder, isLive, newModelJob } from './job.ts'
import type { Handle, ModelJob, ModelNewJob, ModelWorker } from './job.ts'

/** More crashes in a row than this end a job, whatever attempts it has. */
const MOST_CRASHES = 4

/** Answers are only defined for what a worker may sensibly ask; `'any'` otherwise (nothing changes in either case). */
export type ExpectedSettle = SettleResult | 'any'

export interface ModelEdit {
  readonly priority?: number
  readonly delayHours?: number
  readonly maxAttempts?: number
  readonly deadLetterJobType?: string
}

/**
 * What a queue is, without a database: a map of jobs, a clock that stands still, workers. Every transition of the contract in a few
 * lines each, written from what the contract promises and not from how a store does it.
 *
 * Positions and ids that a store draws are unknown until it tells; `compare.ts` fills them in and checks that they are later than all
 * drawn before.
 */
export class ModelQueue {
  /** Hours since the start. */
  now = 0
  readonly jobs = new Map<number, ModelJob>()
  readonly keys = new Map<string, number>()
  readonly workers = new Map<number, ModelWorker>()
  readonly handles: Handle[] = []
  /** The limit of every group. */
  groupLimit: number | null = null
  /** The largest id, position and token that the store has told so far. */
  lastDrawn = 0
  lastToken = 0

  job(id: number): ModelJob {
    const job = this.jobs.get(id)
    if (job === undefined) throw new Error(`the model has no job ${id}`)
    return job
  }

  live(): ModelJob[] {
    return [...this.jobs.values()].filter(isLive)
  }

  running(worker: number): ModelJob[] {
    return this.live().filter((job) => job.place === 'running' && job.worker === worker)
  }

  /** The id of a job that exists under this key. */
  holder(key: string | undefined): number | undefined {
    return key === undefined ? undefined : this.keys.get(key)
  }

  add(id: number, job: ModelNewJob): void {
    this.jobs.set(id, newModelJob(id, job, this.now))
    if (job.key !== undefined) this.keys.set(job.key, id)
  }

  register(id: number, leaseHours: number, groupConcurrency: number | null): void {
    this.workers.set(id, { id, leaseHours, groupConcurrency, expiresAt: this.now + leaseHours })
    this.#setGroupLimit()
  }

  unregister(id: number): void {
    const held = this.running(id)
    this.workers.delete(id)
    for (const job of held) {
      for (const handle of this.handles) if (this.current(handle) === job) handle.settled = 'released'
      this.#release(job)
    }
    this.#setGroupLimit()
  }

  /** Whether the worker still has its leases. */
  heartbeat(id: number): boolean {
    const worker = this.workers.get(id)
    if (worker) worker.expiresAt = this.now + worker.leaseHours
    return worker !== undefined
  }

  /** Gives the places of every group to its next in line. They take new positions. */
  serveGroups(): void {
    for (const group of new Set(this.live().map((job) => job.group))) {
      if (group === null) continue
      const members = this.live().filter((job) => job.group === group)
      const room = (this.groupLimit ?? Infinity) - members.filter(holdsPlace).length
      const waiting = members.filter((job) => job.place === 'group').toSorted(inOrder)
      for (const job of waiting.slice(0, Math.max(0, room))) {
        job.place = 'ready'
        job.seq = 'new'
      }
    }
  }

  /** What a claim must answer, in order; all positions are known by now. */
  nextOf(
    limit: number,
    slots: number,
    jobTypes?: readonly string[],
  ): { readonly next: ModelJob[]; readonly isHeld: boolean } {
    const candidates = this.live()
      .filter((job) => job.place === 'ready' && (jobTypes === undefined || jobTypes.includes(job.jobType)))
      .toSorted(inOrder)
      .slice(0, limit)
    let lasts = 0
    const next = candidates.filter((job) => job.attempts + 1 < job.maxAttempts || ++lasts <= slots)
    return { next, isHeld: lasts > slots }
  }

  claim(jobs: readonly ModelJob[], worker: number, token: number): void {
    this.lastToken = Math.max(this.lastToken, token)
    for (const job of jobs) {
      Object.assign(job, { place: 'running', worker, token, isRetry: false, progress: null, output: null })
      job.attempts++
      this.handles.push({ id: job.id, token, worker, settled: null })
    }
  }

  /** The job, if this attempt still holds its lease. */
  current({ id, token }: { readonly id: number; readonly token: number }): ModelJob | undefined {
    const job = this.jobs.get(id)
    return job?.place === 'running' && job.token === token ? job : undefined
  }

  settle(settlement: Settlement, keepCompleted: boolean): ExpectedSettle {
    const handle = this.handles.find(({ id, token }) => id === settlement.id && token === settlement.token)
    const job = this.current(settlement)
    if (job === undefined) return this.#expectedOfStale(handle, settlement)
    if (handle) handle.settled = settlement.kind
    this.#settleCurrent(job, settlement, keepCompleted)
    return 'settled'
  }

  #expectedOfStale(handle: Handle | undefined, settlement: Settlement): ExpectedSettle {
    if (handle === undefined || handle.settled === null) return 'lost'
    // A release at once after the claim leaves no trace once the job has gone on; a completion without history leaves none.
    const isRepeat = handle.settled === settlement.kind && settlement.kind !== 'released'
    return isRepeat && this.jobs.has(handle.id) ? 'settled' : 'any'
  }

  #settleCurrent(job: ModelJob, settlement: Settlement, keepCompleted: boolean): void {
    switch (settlement.kind) {
      case 'completed':
        job.output = settlement.output ?? job.output
        this.#end(job, 'completed')
        if (!keepCompleted) this.#forget(job)
        return
      case 'retry':
        job.errors++
        if (job.isCancelRequested) return this.#end(job, 'cancelled')
        if (job.attempts >= job.maxAttempts) return this.#end(job, 'failed')
        this.#rest(job, settlement.delayMs)
        Object.assign(job, { isRetry: true, crashes: 0 })
        return
      case 'snoozed':
        if (job.isCancelRequested) return this.#end(job, 'cancelled')
        this.#rest(job, settlement.delayMs)
        job.attempts--
        return
      case 'released':
        return this.#release(job)
      case 'failed':
        job.errors++
        return this.#end(job, 'failed')
      case 'cancelled':
        return this.#end(job, 'cancelled')
      case 'waiting':
        throw new Error('Waits are for the conformance cases.')
    }
  }

  report({ id, token, ...news }: { id: number; token: number; progress?: number; output?: string }): SettleResult {
    const job = this.current({ id, token })
    if (job === undefined) return 'lost'
    Object.assign(job, news)
    return 'settled'
  }

  cancel(id: number): ChangeResult {
    const job = this.jobs.get(id)
    if (job === undefined) return 'not_found'
    if (job.place === 'running') {
      job.isCancelRequested = true
      return 'requested'
    }
    if (!isLive(job)) return 'unchanged'
    this.#end(job, 'cancelled')
    return 'changed'
  }

  edit(id: number, edit: ModelEdit): ChangeResult {
    const job = this.jobs.get(id)
    if (job === undefined) return 'not_found'
    if (job.place === 'running' || !isLive(job)) return 'unchanged'
    if (edit.priority !== undefined && edit.priority !== job.priority) {
      Object.assign(job, { priority: edit.priority, seq: 'new' })
    }
    if (edit.maxAttempts !== undefined) job.maxAttempts = Math.max(edit.maxAttempts, job.attempts + 1)
    if (edit.deadLetterJobType !== undefined) job.deadLetterJobType = edit.deadLetterJobType
    if (edit.delayHours !== undefined) this.#reschedule(job, edit.delayHours)
    return 'changed'
  }

  #reschedule(job: ModelJob, delayHours: number): void {
    const before = job.place
    if (delayHours > 0) this.#rest(job, delayHours * 3_600_000)
    else if (job.place !== 'ready') job.place = job.group === null ? 'ready' : 'group'
    if (job.place !== before) job.seq = 'new'
  }

  retry(id: number, reset = false): ChangeResult {
    const job = this.jobs.get(id)
    if (job === undefined) return 'not_found'
    if (job.place === 'completed' || (isLive(job) && job.place !== 'running' && !job.isRetry)) return 'unchanged'
    if (!isLive(job)) Object.assign(job, { crashes: 0, progress: null, letter: null })
    // A revoked attempt, and a job that has its place already, keep it.
    this.#makeReady(job, holdsPlace(job))
    Object.assign(job, { isRetry: false, isCancelRequested: false })
    if (reset) job.attempts = 0
    job.maxAttempts = Math.max(job.maxAttempts, job.attempts + 1)
    return 'changed'
  }

  /** Dead letters become pending with their attempts reset, oldest first; the ids. */
  redrive(limit: number): number[] {
    const dead = [...this.jobs.values()].filter((job) => job.place === 'failed').toSorted((a, b) => a.id - b.id)
    return dead.slice(0, limit).map((job) => {
      this.retry(job.id, true)
      return job.id
    })
  }

  /** What the jobs of workers that have been silent for too long go through; how many they were. */
  rescue(): number {
    const dead = [...this.workers.values()].filter((worker) => worker.expiresAt < this.now)
    let count = 0
    for (const { id } of dead) {
      const held = this.running(id)
      this.workers.delete(id)
      for (const job of held) this.#takeBack(job)
      count += held.length
    }
    if (dead.length > 0) this.#setGroupLimit()
    return count
  }

  #takeBack(job: ModelJob): void {
    if (job.isCancelRequested) this.#end(job, 'cancelled')
    else if (job.attempts < job.maxAttempts && job.crashes < MOST_CRASHES) {
      job.crashes++
      this.#makeReady(job, true)
    } else {
      job.errors++
      this.#end(job, 'failed')
    }
  }

  /** How many jobs of groups will become ready in the next housekeeping. */
  dueInGroups(): number {
    return this.live().filter((job) => job.place === 'timed' && job.group !== null && job.dueAt <= this.now).length
  }

  /** How many timed jobs became due. */
  promote(): number {
    const due = this.live().filter((job) => job.place === 'timed' && job.dueAt <= this.now)
    for (const job of due) this.#makeReady(job, false)
    return due.length
  }

  /** Deletes completed jobs that ended that long ago; how many. */
  cleanUp(status: 'completed' | 'failed' | 'cancelled', daysToKeep: number): number {
    const old = [...this.jobs.values()].filter(
      (job) => job.place === status && job.endedAt + daysToKeep * 24 <= this.now,
    )
    for (const job of old) this.#forget(job)
    return old.length
  }

  #makeReady(job: ModelJob, keepsPlace: boolean): void {
    const place = job.group === null || keepsPlace ? 'ready' : 'group'
    Object.assign(job, { place, seq: 'new', worker: null, token: null })
  }

  #rest(job: ModelJob, delayMs: number): void {
    Object.assign(job, { place: 'timed', dueAt: this.now + delayMs / 3_600_000, worker: null })
  }

  #release(job: ModelJob): void {
    if (job.isCancelRequested) return this.#end(job, 'cancelled')
    Object.assign(job, { place: 'ready', worker: null })
    job.attempts--
  }

  #end(job: ModelJob, place: 'completed' | 'failed' | 'cancelled'): void {
    const hasLetter = place === 'failed' && job.deadLetterJobType !== null
    Object.assign(job, { place, worker: null, isRetry: false, isCancelRequested: false, endedAt: this.now })
    job.letter = hasLetter ? 'new' : null
  }

  #forget(job: ModelJob): void {
    this.jobs.delete(job.id)
    if (job.key !== null && this.keys.get(job.key) === job.id) this.keys.delete(job.key)
  }

  /** The smallest limit among workers that nobody has given up for dead holds; a lower one takes back what has not started. */
  #setGroupLimit(): void {
    const limits = [...this.workers.values()].flatMap(({ groupConcurrency }) => groupConcurrency ?? [])
    const before = this.groupLimit
    this.groupLimit = limits.length === 0 ? null : Math.min(...limits)
    if (this.groupLimit === null || (before !== null && this.groupLimit >= before)) return
    for (const job of this.live()) if (job.place === 'ready' && job.group !== null) job.place = 'group'
  }
}

import { isMillraceError } from '../errors.ts'
import type { Timer } from '../model/clock.ts'
import type { PendingSettlement } from '../settle/buffer.ts'
import type { ClaimedJob, ExchangeOptions, ExchangeResult } from '../store/claim.ts'
import type { SettleResult } from '../store/settle.ts'
import type { Demand, ExchangerOptions } from './exchanger-options.ts'
import { UnheardClaims } from './unheard-claims.ts'

/** A call without what it records. */
type Call = Omit<ExchangeOptions, 'settlements'>

/** Beyond two calls under way the database's own work is the limit, and every further one takes a connection from the user. */
const MOST_CALLS = 2

const MAX_LIMIT = 1000

const NO_DEMAND: Demand = { limit: 0, slots: 0 }

/** A worker that has found full claims for this long does not need to be notified. */
const BUSY_AFTER_MS = 1000

/** Due jobs that another worker is just promoting are not asked for more often than this. */
const SHORTEST_TICK_MS = 10

const RETRY_BASE_MS = 100
const RETRY_CAP_MS = 5000

/**
 * The conversation of one worker with the store. Each call records what has finished and claims what can start; calls
 * follow one another without timers while there is work, and once per tick when there is none.
 *
 * A call of its own for claiming is made only while there is a reason to expect jobs (`#isHungry`): the last claim came
 * back full, somebody woke the worker, or a tick is due.
 */
export class Exchanger {
  readonly #options: ExchangerOptions
  readonly #mostCalls: number
  /** What every claim says of the worker. */
  readonly #able: Pick<ExchangeOptions, 'jobTypes' | 'versions'>
  #underway = 0
  #requested = 0
  #isHungry = true
  /** The last claim came back full. */
  #isFlowing = false
  /** Jobs on their last attempt are what comes next; they are claimed into free slots only. */
  #isHeld = false
  #isClaiming = true
  /** Somebody added jobs since the last claim; some may wait in a group. */
  #isWoken = false
  /** Jobs of groups run here, so that settlements free places which the next claim must offer. */
  #hasGroups = false
  #isClosed = false
  #tickDueAt = Number.NEGATIVE_INFINITY
  #beatDueAt = Number.NEGATIVE_INFINITY
  #tickTimer: Timer | undefined
  #tickTimerAt = 0
  #hungrySince: number | undefined
  /** What the worker's row says; a new row says that it sleeps. */
  #isRowSleeping = true
  #failures = 0
  /** The last call only recorded, and the claim that it went ahead of is the next. */
  #hasSettledAhead = false
  #retryTimer: Timer | undefined
  readonly #unheard: UnheardClaims

  constructor(options: ExchangerOptions) {
    this.#options = options
    this.#unheard = new UnheardClaims(options.clock, () => this.pump())
    const { jobTypes, versions } = options
    this.#able = { ...(jobTypes === undefined ? {} : { jobTypes }), ...(versions === undefined ? {} : { versions }) }
    this.#mostCalls = Math.max(1, Math.min(MOST_CALLS, options.store.parallelism))
  }

  /** Whether calls are under way or something waits to be recorded. */
  get isBusy(): boolean {
    return this.#underway > 0 || this.#options.buffer.size > 0
  }

  /** Makes whatever calls are worth making now. */
  pump(): void {
    if (this.#isClosed) return
    // Also while the store fails: what an unheard claim took is handed back with the worker's row.
    if (!this.isBusy && this.#options.isLeaving()) {
      this.#options.onLeave()
      return
    }
    if (this.#retryTimer !== undefined) return
    if (this.#unheard.isDue && this.#options.worker() !== 0) {
      if (this.#underway === 0) void this.#recover()
      return
    }
    while (this.#underway < this.#mostCalls && this.#call()) {
      // One call after the other until there is no reason for more.
    }
    this.#armTick()
  }

  /** There may be new jobs at these levels; none named: at any. */
  wake(priorities: readonly number[]): void {
    this.#options.bounds.woken(priorities)
    this.#isHungry = true
    this.#isWoken = true
    this.pump()
  }

  /** Looks at due times and cancel requests at the next chance instead of at the next tick. */
  keepHouse(inMs = 0): void {
    const at = this.#options.clock.now() + inMs
    if (at >= this.#tickDueAt) return
    this.#tickDueAt = at
    if (inMs === 0) this.pump()
    else this.#armTick()
  }

  /** No further claims; settlements and heartbeats go on. */
  stopClaiming(): void {
    this.#isClaiming = false
  }

  /** The worker has a new row. */
  registered(): void {
    this.#unheard.forget()
    this.#isRowSleeping = true
    this.#isHungry = true
    this.#beatDueAt = this.#options.clock.now() + this.#options.heartbeatMs
    this.#options.bounds.sweepAgain()
  }

  /** Makes no further call. */
  close(): void {
    this.#isClosed = true
    this.#unheard.forget()
    this.#tickTimer?.cancel()
    this.#retryTimer?.cancel()
  }

  /** Starts one call if there is a reason for it. */
  #call(): boolean {
    const { clock, buffer, bounds } = this.#options
    const now = clock.now()
    // A worker that leaves has no use for another look, which would only keep it.
    const isTick = now >= this.#tickDueAt && !this.#options.isLeaving()
    const { limit, slots } = this.#wanted(isTick)
    if (buffer.waiting === 0 && limit === 0 && !isTick) return false
    if (this.#settlesAhead(limit, now)) return true
    if (isTick) this.#tickDueAt = now + this.#options.tickMs
    const call: Call = {
      worker: this.#options.worker(),
      limit,
      slots,
      from: limit > 0 ? bounds.next(now) : [],
      keepCompleted: this.#options.keepCompleted,
      ...this.#able,
      ...(isTick ? { housekeeping: true } : {}),
      ...(limit > 0 && (this.#isWoken || this.#hasGroups) ? { groups: true } : {}),
      ...this.#beat(now),
      ...this.#closedTokens(),
      ...this.#sleepingChange(now),
    }
    void this.#exchange(now, buffer.take(), call)
    if (limit > 0) this.#hasAsked(limit)
    return true
  }

  #hasAsked(limit: number): void {
    this.#isWoken = false
    // Two claims at once pay only while each comes back full.
    if (!(this.#isFlowing && limit === MAX_LIMIT)) this.#isHungry = false
  }

  /** Starts a call that only records, ahead of a claim that would make what waits in the buffer wait for long. */
  #settlesAhead(limit: number, now: number): boolean {
    const { buffer, bounds, keepCompleted } = this.#options
    this.#hasSettledAhead = !this.#hasSettledAhead && limit > 0 && buffer.waiting > 0 && bounds.isLong(now)
    if (!this.#hasSettledAhead) return false
    const nothing = { limit: 0, slots: 0, from: [] }
    const call: Call = { worker: this.#options.worker(), ...nothing, keepCompleted, ...this.#closedTokens() }
    void this.#exchange(now, buffer.take(), call)
    return true
  }

  #wanted(isTick: boolean): Demand {
    const { buffer, demand } = this.#options
    const mayClaim = this.#isClaiming && (this.#isHungry || isTick || buffer.waiting > 0)
    if (!mayClaim) return NO_DEMAND
    const { limit, slots } = demand(this.#requested)
    return { limit: Math.min(limit, this.#isHeld ? slots : MAX_LIMIT), slots }
  }

  #beat(now: number): { heartbeatMs?: number } {
    if (this.#options.worker() === 0) return {}
    // A tick early rather than late: what the main thread leaves overdue, the heartbeat thread does once more.
    if (now < this.#beatDueAt - this.#options.tickMs) return {}
    this.#beatDueAt = now + this.#options.heartbeatMs
    return { heartbeatMs: this.#options.leaseMs }
  }

  #closedTokens(): { closedTokens?: readonly number[] } {
    const closedTokens = this.#options.openClaims.take()
    return closedTokens.length === 0 ? {} : { closedTokens }
  }

  #sleepingChange(now: number): { sleeping?: boolean } {
    const isBusy = this.#hungrySince !== undefined && now - this.#hungrySince > BUSY_AFTER_MS
    if (this.#isRowSleeping !== isBusy) return {}
    this.#isRowSleeping = !isBusy
    return { sleeping: !isBusy }
  }

  async #exchange(startedAt: number, batch: readonly PendingSettlement[], call: Call): Promise<void> {
    const { store, clock, bounds } = this.#options
    this.#underway += 1
    this.#requested += call.limit
    let result: ExchangeResult
    try {
      result = await store.exchange({ ...call, settlements: batch.map(({ settlement }) => settlement) })
    } catch (error) {
      this.#underway -= 1
      this.#requested -= call.limit
      this.#failed(error, batch, call)
      return
    }
    this.#underway -= 1
    this.#requested -= call.limit
    this.#failures = 0
    const now = clock.now()
    this.#recorded(batch, result.settled)
    bounds.swept(result, now - startedAt)
    bounds.claimed(result.jobs, now)
    if (result.looked !== undefined && 'top' in result.looked)
      bounds.exhausted(call.from, { ...result.looked, sentAt: startedAt, now })
    this.#learn(call, result, now)
    if (result.hasMorePaused === true && result.jobs.length < call.limit) {
      // Each such call has put thousands of paused jobs away for good, so there is an end to it.
      this.#isHungry = true
      this.#options.onMorePaused()
    }
    this.#options.onExchange?.({
      limit: call.limit,
      jobs: result.jobs.length,
      sweep: call.from === 'sweep',
      settled: batch.length,
      lost: result.settled.reduce((sum, settled) => sum + (settled === 'lost' ? 1 : 0), 0),
      durationMs: now - startedAt,
    })
    if (!result.alive) this.#options.onDead(call.worker)
    else if (call.heartbeatMs !== undefined) this.#options.onBeat(call.worker, startedAt)
    this.#received(call.worker, result.jobs)
    if (result.housekeeping) this.#options.onHousekeeping(result.housekeeping)
    if (result.cascaded) this.#options.onCascade(result.cascaded)
    this.pump()
  }

  /** What was claimed for a row that is lost by now is lost with it, and runs elsewhere. */
  #received(worker: number, jobs: readonly ClaimedJob[]): void {
    if (jobs.length === 0 || worker !== this.#options.worker()) return
    this.#options.openClaims.claimed(jobs)
    this.#options.onJobs(jobs)
  }

  #learn(call: Call, result: ExchangeResult, now: number): void {
    const { housekeeping, jobs } = result
    this.#hasGroups ||= jobs.some(({ groupId }) => groupId !== null)
    if (call.limit > 0) {
      // Last attempts that were left behind are taken as soon as a slot is free: a short answer is not the end then. While such jobs
      // come, nothing is fetched ahead: a claim without a free slot would find them again and take none.
      this.#isHeld = result.hasHeld === true || (this.#isHeld && jobs.some(isLastAttempt))
      const isFull = jobs.length >= call.limit || result.hasHeld === true
      this.#isFlowing = isFull
      if (isFull) {
        this.#isHungry = true
        this.#hungrySince ??= now
      } else {
        this.#hungrySince = undefined
        // Those who added while the row said "awake" told nobody: look once more, now that it will say otherwise. And who woke us
        // while this claim was under way may have committed too late for it.
        this.#isHungry = !this.#isRowSleeping || this.#isWoken
      }
    }
    if (result.hasBusyGroups === true) {
      // Soon, not at once: whoever holds the group may be a caller's long transaction.
      this.#isWoken = true
      this.#tickDueAt = Math.min(this.#tickDueAt, now + SHORTEST_TICK_MS)
    }
    if (housekeeping === undefined) return
    if (housekeeping.promoted > 0 || housekeeping.rescued > 0) {
      this.#isHungry = true
      if (call.from !== 'sweep') this.#options.bounds.sweepAgain()
    }
    if (housekeeping.nextDueMs !== null) {
      this.#tickDueAt = Math.min(
        this.#tickDueAt,
        now + Math.max(SHORTEST_TICK_MS, Math.ceil(housekeeping.nextDueMs) + 1),
      )
    }
  }

  #failed(error: unknown, batch: readonly PendingSettlement[], call: Call): void {
    if (call.from === 'sweep') this.#options.bounds.sweepAgain()
    if (call.housekeeping) this.#tickDueAt = Number.NEGATIVE_INFINITY
    if (call.heartbeatMs !== undefined) {
      this.#beatDueAt = Number.NEGATIVE_INFINITY
      this.#options.onBeatFailed(call.worker)
    }
    if (call.sleeping !== undefined) this.#isRowSleeping = !call.sleeping
    this.#isHungry = true
    if (call.limit > 0 && mayHaveTakenEffect(error)) this.#unheard.suspect()
    if (call.closedTokens !== undefined) this.#options.openClaims.putBack(call.closedTokens)
    if (batch.length > 0 && isRefusal(error)) {
      this.#options.onError(error, 'settle', undefined)
      void this.#settleOneByOne(batch)
      return
    }
    this.#options.buffer.putBack(batch)
    this.#backOff(error, 'exchange')
  }

  #recorded(batch: readonly PendingSettlement[], results: readonly SettleResult[]): void {
    this.#options.buffer.done(batch, results)
    this.#options.openClaims.allEnded(batch.map(({ settlement }) => settlement))
  }

  /** The store will not take this batch. One bad item must not hold up the others. */
  async #settleOneByOne(batch: readonly PendingSettlement[]): Promise<void> {
    const { store, buffer, keepCompleted } = this.#options
    this.#underway += 1
    for (const pending of batch) {
      try {
        const results = await store.settle({ settlements: [pending.settlement], keepCompleted })
        this.#recorded([pending], results)
      } catch (error) {
        // One that is given up keeps its lease, and is handed back with the worker's row.
        if (isRefusal(error)) buffer.refuse(pending, error)
        else buffer.putBack([pending])
      }
    }
    this.#underway -= 1
    this.pump()
  }

  /** Takes up jobs that were claimed for this worker by a call whose reply was lost. Nothing else is under way. */
  async #recover(): Promise<void> {
    const { store, knownTokens, buffer } = this.#options
    const worker = this.#options.worker()
    this.#underway += 1
    try {
      const jobs = await store.leased({ worker, known: [...knownTokens(), ...buffer.tokens()] })
      this.#underway -= 1
      if (worker === this.#options.worker()) this.#unheard.looked()
      this.#received(worker, jobs)
      this.pump()
    } catch (error) {
      this.#underway -= 1
      this.#backOff(error, 'leased')
    }
  }

  #backOff(error: unknown, operation: string): void {
    const { clock, onError } = this.#options
    if (this.#isClosed) return
    const delayMs =
      Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(this.#failures, 10)) * (0.5 + clock.random() / 2)
    this.#failures += 1
    onError(error, operation, delayMs)
    this.#retryTimer ??= clock.after(delayMs, () => {
      this.#retryTimer = undefined
      this.pump()
    })
  }

  #armTick(): void {
    // With every call under way a tick must wait for one of them to return, which pumps.
    if (this.#isClosed || this.#underway >= this.#mostCalls) return
    const { clock } = this.#options
    if (this.#tickTimer !== undefined && this.#tickTimerAt <= this.#tickDueAt) return
    this.#tickTimer?.cancel()
    this.#tickTimerAt = this.#tickDueAt
    this.#tickTimer = clock.after(Math.max(0, this.#tickDueAt - clock.now()), () => {
      this.#tickTimer = undefined
      this.pump()
    })
  }
}

/**
 * Whether the store will never take what was sent. A missing privilege, function or password is no such refusal: somebody
 * mends it, and until then nothing may be given up for it.
 */
function isRefusal(error: unknown): boolean {
  return isMillraceError(error, 'STORE_FAILED') && error.details.isInput === true
}

function isLastAttempt({ attempt, maxAttempts }: ClaimedJob): boolean {
  return attempt >= maxAttempts
}

function mayHaveTakenEffect(error: unknown): boolean {
  return !isMillraceError(error) || error.details.outcome !== 'none'
}

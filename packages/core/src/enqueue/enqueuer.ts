import { nextTick } from 'node:process'
import { MillraceError } from '../errors.ts'
import type { Clock } from '../model/clock.ts'
import { toError } from '../model/error-record.ts'
import { DEFAULTS } from '../model/options.ts'
import type { DatabaseClient, EnqueueResult, EnqueueStore, NewJob } from '../store/enqueue.ts'
import { deliver, isOutcomeUnknown } from './deliver.ts'
import { WakeSender } from './wake-sender.ts'

/** The most single adds that share a statement. */
const MAX_BATCH = 5000

/**
 * Statements under way at once. One leaves the database idle between two round trips; more than two only make the
 * batches smaller.
 */
const MAX_IN_FLIGHT = 2

/** A failing batch is halved at most this often, so that a fault of the whole database does not cost 2n statements. */
const MAX_SPLITS = 64

export interface EnqueuerOptions {
  readonly store: EnqueueStore & { readonly parallelism: number }
  readonly clock: Clock
  /** Resolves once the schema is there; asked before every statement. */
  readonly ready: () => Promise<void>
  /** Jobs were added, in one statement; positions in `jobs` that are new, or `'all'`. Not called for `addWith`. */
  readonly onAdded?: (ids: readonly number[], jobs: readonly NewJob[], created: 'all' | ReadonlySet<number>) => void
  /** Tells processors of this process: these levels gained ready jobs, or a job will be due at `runAt`. */
  readonly onReady?: (priorities: readonly number[], runAt?: Date) => void
  /** Whether a processor of this process works: it hears of new jobs without the database. Default: never. */
  readonly hasLocalWorkers?: () => boolean
  /** No history is kept; see `EnqueueOptions`. Default: it is. */
  readonly forgetsCompleted?: boolean
  /** A wake-up could not be sent, or a callback threw; no job is affected. */
  readonly onError?: (error: Error) => void
  /** The wall clock, for telling due jobs from future ones in `onReady` and wake-ups; the store decides by its own. */
  readonly wallNow?: () => number
}

/** One call that waits for its statement. */
interface Waiting<Input, Output> {
  readonly input: Input
  readonly resolve: (output: Output) => void
  readonly reject: (error: unknown) => void
}

type Single = Waiting<NewJob, number>
type Batch = Waiting<readonly NewJob[], readonly number[]>

/**
 * Adds jobs with few statements. Single adds gather in one of two lanes (with and without a key) while statements are
 * under way and leave together as soon as one returns; explicit batches are a third lane, one statement each. The lanes
 * take turns.
 *
 * No timer is involved: an add on an idle queue leaves at the end of the current turn of the event loop, together with
 * all others that were made in it.
 */
export class Enqueuer {
  readonly #options: EnqueuerOptions
  readonly #wakeSender: WakeSender
  readonly #maxInFlight: number
  #plain: Single[] = []
  #keyed: Single[] = []
  readonly #batches: Batch[] = []
  #turn = 0
  #inFlight = 0
  #isScheduled = false
  #isClosed = false
  #highestId = 0
  #onIdle: (() => void)[] = []

  constructor(options: EnqueuerOptions) {
    const { store, clock } = options
    this.#options = options
    this.#wakeSender = new WakeSender({ store, clock, onError: (error) => this.#report(error) })
    this.#maxInFlight = Math.max(1, Math.min(MAX_IN_FLIGHT, store.parallelism))
  }

  /**
   * Adds one job; its id, or the id of the job that has its key. Concurrent calls share a statement, and one that the
   * store refuses fails alone.
   */
  add(job: NewJob): Promise<number> {
    if (this.#isClosed) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      // Dependent jobs cost more, and fail when what they depend on does not exist: plain ones are not to share that.
      const isPlain = job.idempotencyKey === undefined && job.dependsOn === undefined
      const lane = isPlain ? this.#plain : this.#keyed
      lane.push({ input: job, resolve, reject })
      this.#schedule()
    })
  }

  /** Adds all jobs or none, in one statement; their ids in the same order. Nothing is sent for an empty list. */
  addMany(jobs: readonly NewJob[]): Promise<readonly number[]> {
    if (this.#isClosed) return Promise.reject(closed())
    if (jobs.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      this.#batches.push({ input: jobs, resolve, reject })
      this.#schedule()
    })
  }

  /**
   * Adds all jobs in the caller's transaction: one statement on `db`, never repeated, since only the caller can tell
   * whether his transaction took effect. The statement itself notifies workers when it commits.
   */
  async addWith(db: DatabaseClient, jobs: readonly NewJob[]): Promise<readonly number[]> {
    if (this.#isClosed) throw closed()
    if (jobs.length === 0) return []
    await this.#options.ready()
    const { ids } = await this.#options.store.enqueue({ jobs, db, ...this.#memory })
    return ids
  }

  /** Refuses further adds, and resolves once those under way have been answered and workers notified. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (!this.#isIdle()) {
      await new Promise<void>((resolve) => {
        this.#onIdle.push(resolve)
      })
    }
    await this.#wakeSender.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Leaves after everything that can run now has run, so that all adds of this turn go out together. */
  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= this.#maxInFlight) return
    this.#isScheduled = true
    afterMicrotasks(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#inFlight < this.#maxInFlight) {
      const send = this.#next()
      if (send === undefined) break
      this.#inFlight++
      void send().finally(() => {
        this.#inFlight--
        this.#schedule()
      })
    }
    if (this.#isIdle()) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #isIdle(): boolean {
    const waiting = this.#plain.length + this.#keyed.length + this.#batches.length
    return waiting === 0 && this.#inFlight === 0
  }

  /** What to send next: one lane after the other, so that none starves. */
  #next(): (() => Promise<void>) | undefined {
    for (let step = 0; step < 3; step++) {
      const lane = (this.#turn + step) % 3
      const send = lane === 0 ? this.#takePlain() : lane === 1 ? this.#takeKeyed() : this.#takeBatch()
      if (send === undefined) continue
      this.#turn = lane + 1
      return send
    }
    return undefined
  }

  #takePlain(): (() => Promise<void>) | undefined {
    if (this.#plain.length === 0) return undefined
    const singles = this.#plain
    this.#plain = singles.length > MAX_BATCH ? singles.splice(MAX_BATCH) : []
    return () => this.#sendSingles(singles)
  }

  #takeKeyed(): (() => Promise<void>) | undefined {
    if (this.#keyed.length === 0) return undefined
    const singles = this.#keyed
    this.#keyed = singles.length > MAX_BATCH ? singles.splice(MAX_BATCH) : []
    // Every process takes keys in this order, so that two batches with the same keys cannot wait for each other.
    singles.sort((left, right) => compareKeys(left.input, right.input))
    return () => this.#sendSingles(singles)
  }

  #takeBatch(): (() => Promise<void>) | undefined {
    const batch = this.#batches.shift()
    return batch && (() => this.#sendBatch(batch))
  }

  async #sendBatch({ input, resolve, reject }: Batch): Promise<void> {
    try {
      await this.#options.ready()
      resolve((await this.#deliver(input)).ids)
    } catch (error) {
      reject(error)
    }
  }

  /** Sends independent adds together; while the store refuses a group of them, sends its halves. */
  async #sendSingles(singles: readonly Single[]): Promise<void> {
    try {
      await this.#options.ready()
    } catch (error) {
      for (const single of singles) single.reject(error)
      return
    }
    const groups: (readonly Single[])[] = [singles]
    for (let splits = 0, group = groups.pop(); group !== undefined; group = groups.pop()) {
      try {
        const { ids } = await this.#deliver(group.map((single) => single.input))
        group.forEach((single, index) => single.resolve(ids[index] ?? 0))
      } catch (error) {
        if (isOutcomeUnknown(error)) {
          for (const single of [group, ...groups.splice(0)].flat()) single.reject(error)
        } else if (group.length === 1 || splits >= MAX_SPLITS) {
          for (const single of group) single.reject(error)
        } else {
          splits++
          const middle = Math.ceil(group.length / 2)
          groups.push(group.slice(middle), group.slice(0, middle))
        }
      }
    }
  }

  async #deliver(jobs: readonly NewJob[]): Promise<EnqueueResult> {
    const { store, clock, hasLocalWorkers } = this.#options
    const notify = this.#hasDue(jobs) && hasLocalWorkers?.() !== true && this.#wakeSender.takeTurn()
    const result = await deliver(jobs, { store, clock, sinceId: this.#highestId, notify, ...this.#memory })
    for (const id of result.ids) if (id > this.#highestId) this.#highestId = id
    this.#announce(jobs, result)
    return result
  }

  get #memory(): { readonly forgetsCompleted?: true } {
    return this.#options.forgetsCompleted === true ? { forgetsCompleted: true } : {}
  }

  #hasDue(jobs: readonly NewJob[]): boolean {
    const { wallNow = Date.now } = this.#options
    return jobs.some(({ runAt }) => runAt === undefined || runAt.getTime() <= wallNow())
  }

  #announce(jobs: readonly NewJob[], { ids, created, sleepers }: EnqueueResult): void {
    const { onAdded, onReady, wallNow = Date.now } = this.#options
    this.#call(() => onAdded?.(ids, jobs, created))
    const now = wallNow()
    const levels = new Set<number>()
    let earliest: Date | undefined
    jobs.forEach(({ runAt, priority }, index) => {
      if (created !== 'all' && !created.has(index)) return
      if (runAt === undefined || runAt.getTime() <= now) levels.add(priority ?? DEFAULTS.job.priority)
      else if (earliest === undefined || runAt < earliest) earliest = runAt
    })
    if (levels.size > 0 || earliest !== undefined) this.#call(() => onReady?.([...levels], earliest))
    if (sleepers) this.#wakeSender.wake(levels)
  }

  #call(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#report(toError(error))
    }
  }

  #report(error: Error): void {
    try {
      this.#options.onError?.(error)
    } catch {
      // Whoever is told of errors must not become one: the add has succeeded.
    }
  }
}

/**
 * Calls back once all promises that can settle now have settled, before the event loop goes on. `nextTick` is imported,
 * not taken from `process` at each call, so that a test runner's fake timers cannot stop adds.
 */
function afterMicrotasks(callback: () => void): void {
  void Promise.resolve().then(() => nextTick(callback))
}

function compareKeys(left: NewJob, right: NewJob): number {
  return (
    compare(left.tenantId ?? '', right.tenantId ?? '') || compare(left.idempotencyKey ?? '', right.idempotencyKey ?? '')
  )
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function closed(): MillraceError {
  return new MillraceError('QUEUE_CLOSED', 'The queue has been closed. Add jobs before `close()`.')
}

import { bucketOf } from '../model/metrics.ts'
import type { Clock, Timer } from '../model/clock.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { MetricEntry } from '../store/metrics.ts'
import type { Store } from '../store/store.ts'

const MINUTE_MS = 60_000
/** After the end of a minute, at random up to this much, so that a thousand workers do not report at once. */
const SPREAD_MS = 5000
/** Types and queues told apart in a minute; whatever is beyond them is counted together. */
const MOST_SERIES = 100
const OTHERS = '*'
/** Minutes kept while the store takes none. */
const MOST_MINUTES = 60
/**
 * At least this much lies between two waits that are measured of one type. To read the time of an add costs more than all else here, and
 * two hundred a second say as much as all of them.
 */
const WAIT_EVERY_MS = 5

export interface MetricsBufferOptions {
  readonly store: () => Promise<Pick<Store, 'recordMetrics' | 'storeTime'>>
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

export type MeasuredEnd = 'completed' | 'retried' | 'failed'

export interface MeasuredAttempt {
  readonly job: ClaimedJob
  /** Of the worker's clock. */
  readonly startedAt: number
  readonly durationMs: number
}

interface Series {
  readonly jobType: string
  readonly queue: string | null
  readonly ends: Record<MeasuredEnd, number>
  readonly run: { sumMs: number; readonly counts: number[] }
  readonly wait: { sumMs: number; readonly counts: number[] }
  nextWaitAt: number
}

interface Minute {
  /** When it begins, by the worker's clock. */
  readonly from: number
  readonly series: Map<string, Series>
}

const NO_MINUTE: Minute = { from: Number.POSITIVE_INFINITY, series: new Map() }

/**
 * What one processor sees end, added up in memory and told to the store once a minute. Minutes are those of the store's clock. When a
 * job became ready is known here only of one that was ready when it was added: its first claim finds it in its first place.
 *
 * A report whose answer is lost is sent again, and may then count twice: an outage with a bump is better than one without a trace.
 */
export class MetricsBuffer {
  readonly #options: MetricsBufferOptions
  /** Oldest first. */
  #minutes: Minute[] = []
  /** The one that was measured last, to be found without looking. */
  #minute = NO_MINUTE
  /** What the store's clock is ahead of ours; from the process's idea of the time until the store has told its own. */
  #aheadMs: number
  #knowsTime = false
  #isAsking = false
  #timer: Timer | undefined
  #sending: Promise<void> | undefined

  constructor(options: MetricsBufferOptions) {
    this.#options = options
    this.#aheadMs = options.clock.date().getTime() - options.clock.now()
  }

  measured({ job, startedAt, durationMs }: MeasuredAttempt, end: MeasuredEnd): void {
    const endedAt = startedAt + durationMs
    if (!isWithin(this.#minute, endedAt)) this.#turnTo(endedAt)
    const series = this.#seriesOf(job)
    series.ends[end] += 1
    count(series.run, durationMs)
    if (!this.#knowsTime) this.#askTime()
    else if (startedAt >= series.nextWaitAt && job.attempt === 1 && job.readySeq === job.id) {
      series.nextWaitAt = startedAt + WAIT_EVERY_MS
      count(series.wait, Math.max(0, startedAt + this.#aheadMs - new Date(job.createdAt).getTime()))
    }
  }

  /** Resolves once what was measured has been sent, well or not. */
  async flush(): Promise<void> {
    this.rest()
    await this.#sending
    if (this.#minutes.length === 0) return
    this.#sending ??= this.#send()
    await this.#sending
  }

  /** Does nothing by itself until something is measured again. */
  rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #turnTo(at: number): void {
    const known = this.#minutes.find((minute) => isWithin(minute, at))
    this.#minute = known ?? { from: at - modulo(at + this.#aheadMs, MINUTE_MS), series: new Map() }
    if (known === undefined) this.#keep([this.#minute])
    this.#arm()
  }

  #seriesOf({ jobType, queue }: Pick<ClaimedJob, 'jobType' | 'queue'>): Series {
    const key = queue === undefined ? jobType : `${jobType}\u001f${queue}`
    const { series: all } = this.#minute
    const known = all.get(key)
    if (known !== undefined) return known
    if (all.size >= MOST_SERIES && jobType !== OTHERS) return this.#seriesOf({ jobType: OTHERS })
    const series: Series = {
      jobType,
      queue: queue ?? null,
      ends: { completed: 0, retried: 0, failed: 0 },
      run: { sumMs: 0, counts: [] },
      wait: { sumMs: 0, counts: [] },
      nextWaitAt: 0,
    }
    all.set(key, series)
    return series
  }

  #askTime(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const { store, clock } = this.#options
    const ask = async (): Promise<void> => {
      const opened = await store()
      const sentAt = clock.now()
      this.#told((await opened.storeTime()).getTime(), sentAt)
    }
    // The next report brings the time as well.
    ask().catch(() => undefined)
  }

  #told(storeMs: number, sentAt: number): void {
    this.#aheadMs = storeMs - (sentAt + this.#options.clock.now()) / 2
    this.#knowsTime = true
    // Minutes may begin at another time than was thought.
    this.#minute = NO_MINUTE
    this.rest()
    if (this.#minutes.length > 0) this.#arm()
  }

  #arm(): void {
    const { clock } = this.#options
    const left = MINUTE_MS - modulo(clock.now() + this.#aheadMs, MINUTE_MS)
    this.#timer ??= clock.after(left + clock.random() * SPREAD_MS, () => void this.flush(), { keepAlive: false })
  }

  async #send(): Promise<void> {
    const { store, clock, onError } = this.#options
    const sent = this.#minutes
    this.#minutes = []
    this.#minute = NO_MINUTE
    try {
      const opened = await store()
      const sentAt = clock.now()
      const entries = sent.flatMap((minute) => entriesOf(minute, sentAt))
      this.#told(await opened.recordMetrics({ entries }), sentAt)
    } catch (error) {
      this.#keep(sent)
      this.#arm()
      onError(error)
    } finally {
      this.#sending = undefined
    }
  }

  #keep(minutes: readonly Minute[]): void {
    this.#minutes = [...this.#minutes, ...minutes].toSorted((one, other) => one.from - other.from).slice(-MOST_MINUTES)
  }
}

function isWithin({ from }: Minute, at: number): boolean {
  return at >= from && at < from + MINUTE_MS
}

/** Never below 0. */
function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}

function count(durations: { sumMs: number; readonly counts: number[] }, ms: number): void {
  const { counts } = durations
  const at = bucketOf(ms)
  while (counts.length <= at) counts.push(0)
  counts[at] = (counts[at] ?? 0) + 1
  durations.sumMs += ms
}

/** Each is said to be of the middle of its minute, which is within it by the store's clock as well. */
function entriesOf({ from, series }: Minute, now: number): MetricEntry[] {
  const agoMs = Math.round(now - from - MINUTE_MS / 2)
  return [...series.values()].map(({ jobType, queue, ends, run, wait }) => ({
    agoMs,
    jobType,
    queue,
    ...ends,
    run,
    wait,
  }))
}

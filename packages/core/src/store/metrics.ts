import type { DurationCounts } from '../model/metrics.ts'

/** What ended, as it is stored; see `JobMetrics`. */
export interface MetricCounts {
  readonly completed: number
  readonly retried: number
  readonly failed: number
  readonly run: DurationCounts
  readonly wait: DurationCounts
}

/** What a worker saw end of one type, in one queue or none. */
export interface MetricEntry extends MetricCounts {
  /** How long before this call, in milliseconds: a moment within the minute that it is of. */
  readonly agoMs: number
  readonly jobType: string
  readonly queue: string | null
}

/** What ended in a span of time, of one type or queue, or of all. */
export interface MetricRow extends MetricCounts {
  /** When the span begins. */
  readonly at: Date
  readonly jobType: string | null
  readonly queue: string | null
}

/** Which spans are read, and what of them. */
export interface ReadMetricsOptions {
  /** The minute that this is in is the last; `null`: the present one. */
  readonly until: Date | null
  /** How many minutes. */
  readonly minutes: number
  /** How many minutes are one span; spans begin at multiples of it since 1970. */
  readonly step: number
  /** What is told apart; `null`: nothing. */
  readonly by: 'jobType' | 'queue' | null
  readonly jobType?: string
  readonly queue?: string
}

/** What ended in each minute, added up over workers. Kept for three days; the sums of each type and queue until it is idle for thirty. */
export interface MetricStore {
  /** Adds to what is there. Answers the store's time, in milliseconds since 1970. */
  recordMetrics(options: { readonly entries: readonly MetricEntry[] }): Promise<number>
  /** Oldest first. */
  readMetrics(options: ReadMetricsOptions): Promise<readonly MetricRow[]>
  /** All there ever was of each type and queue, by type and queue. */
  metricTotals(): Promise<readonly (MetricCounts & { readonly jobType: string; readonly queue: string | null })[]>
}

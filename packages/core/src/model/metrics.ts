/**
 * How long jobs take is kept as counts of measurements by length: such counts add up over workers and minutes, where percentiles do not.
 * A count is of measurements up to its bound and above the one before; the last has no bound. Milliseconds, two bounds for each doubling,
 * from 1 ms to a day and a half: a percentile read from them is off by a fifth at most.
 */
export const DURATION_BOUNDS: readonly number[] = [
  1,
  ...Array.from({ length: 27 }, (_, n) => [2 ** (n + 1), 3 * 2 ** n]).flat(),
].toSorted((a, b) => a - b)

/** Measurements of one kind, as they are stored: counts by `DURATION_BOUNDS`, without those after the last that is not 0. */
export interface DurationCounts {
  readonly sumMs: number
  readonly counts: readonly number[]
}

/** Durations of many jobs. */
export interface Durations {
  /** How many were measured. */
  readonly count: number
  /** Their sum, in milliseconds. */
  readonly sumMs: number
  /** Half of them took at most so long, in milliseconds; `null`: none was measured. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** How many took at most `toMs`, and more than the one before; those without any left out. `null`: longer than every bound. */
  readonly buckets: readonly { readonly toMs: number | null; readonly count: number }[]
}

/** What ended, and how. */
export interface JobMetrics {
  /** Attempts after which the job was completed. */
  readonly completed: number
  /** Attempts that failed, after which the job is tried again. */
  readonly retried: number
  /** Attempts that failed for good. */
  readonly failed: number
  /** From the call of the handler to its end, of each of these attempts. */
  readonly run: Durations
  /** From when a job was added to its first attempt; of those that were ready at once. */
  readonly wait: Durations
}

/** What ended in a span of time. */
export interface MetricsPoint extends JobMetrics {
  /** When the span begins. */
  readonly at: Date
}

/** What ended of one type or queue, or of all, over time. */
export interface MetricsSeries {
  /** `null`: of all types. `'*'`: of types beyond the hundred that a worker tells apart in a minute. */
  readonly jobType: string | null
  /** `null`: of all queues, or with `by: 'queue'` of jobs in none. */
  readonly queue: string | null
  /** Of the whole time. */
  readonly total: JobMetrics
  /** Oldest first; spans in which nothing ended are left out. */
  readonly points: readonly MetricsPoint[]
}

/** The index of the count that a duration belongs to. */
export function bucketOf(ms: number): number {
  let at = 0
  while (at < DURATION_BOUNDS.length && ms > (DURATION_BOUNDS[at] ?? 0)) at++
  return at
}

export function durationsOf({ sumMs, counts }: DurationCounts): Durations {
  const count = counts.reduce((sum, one) => sum + one, 0)
  return {
    count,
    sumMs,
    p50Ms: quantile(counts, count, 0.5),
    p95Ms: quantile(counts, count, 0.95),
    p99Ms: quantile(counts, count, 0.99),
    buckets: counts.flatMap((one, at) => (one === 0 ? [] : [{ toMs: DURATION_BOUNDS[at] ?? null, count: one }])),
  }
}

/** As if the durations of each count were spread evenly up to its bound. */
function quantile(counts: readonly number[], count: number, part: number): number | null {
  let before = 0
  for (const [at, one] of counts.entries()) {
    const from = at === 0 ? 0 : (DURATION_BOUNDS[at - 1] ?? 0)
    const to = DURATION_BOUNDS[at] ?? from
    if (one > 0 && before + one >= part * count) return from + ((to - from) * (part * count - before)) / one
    before += one
  }
  return null
}

/** Both together. */
export function addDurations(one: DurationCounts, other: DurationCounts): DurationCounts {
  const [longer, shorter] = one.counts.length >= other.counts.length ? [one, other] : [other, one]
  return {
    sumMs: one.sumMs + other.sumMs,
    counts: longer.counts.map((count, at) => count + (shorter.counts[at] ?? 0)),
  }
}

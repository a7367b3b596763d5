import { checkDate, checkInteger, checkOptions, checkText, refuseOption } from './model/check.ts'
import {
  addDurations,
  type DurationCounts,
  durationsOf,
  type JobMetrics,
  type MetricsPoint,
  type MetricsSeries,
} from './model/metrics.ts'
import type { QueueCore } from './queue-core.ts'
import type { MetricCounts, MetricRow, ReadMetricsOptions } from './store/metrics.ts'

/** Which minutes `getMetrics` reads, and what it tells apart. */
export interface MetricsOptions {
  /** How many minutes back, 1 to 4320 (three days; what is older is forgotten). Default 60. The present minute is not told yet. */
  readonly minutes?: number | undefined
  /** The minute that this is in is the last. Default: now. */
  readonly until?: Date | undefined
  /** How many minutes are one point, 1 to 1440; points begin at multiples of it. Default 1. At most 1500 points. */
  readonly stepMinutes?: number | undefined
  /** A series for each type, or for each queue. Default: one of everything. */
  readonly by?: 'jobType' | 'queue' | undefined
  /** Only of this type. */
  readonly jobType?: string | undefined
  /** Only of this queue. */
  readonly queue?: string | undefined
}

/** All that ever ended of one type, in one queue or none. */
export interface MetricTotal extends JobMetrics {
  readonly jobType: string
  readonly queue: string | null
}

/** The methods of a queue that tell how much is done, how long it takes and what fails. */
export interface MetricsMethods {
  /**
   * What ended in each minute, as the workers of all processes tell it at its end, with how long it ran and waited; most first. Jobs
   * worked through SQL are not in it.
   *
   * @throws MillraceError `OPTION_INVALID`
   */
  getMetrics(options?: MetricsOptions): Promise<MetricsSeries[]>
  /** All that ever ended, by type and queue; these numbers only grow, as counters do. What has been idle for thirty days is forgotten. */
  getMetricTotals(): Promise<MetricTotal[]>
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof MetricsOptions>([
  'minutes',
  'until',
  'stepMinutes',
  'by',
  'jobType',
  'queue',
])

const MINUTES = { min: 1, max: 4320, remedy: 'Leave it out for an hour' }
const STEP = { min: 1, max: 1440, remedy: 'Leave it out for 1' }
const MOST_POINTS = 1500

export function metricsMethods({ store }: QueueCore): MetricsMethods {
  return {
    async getMetrics(options = {}) {
      const wanted = checked(options)
      return seriesOf(await (await store()).readMetrics(wanted))
    },
    async getMetricTotals() {
      const totals = await (await store()).metricTotals()
      return totals
        .map(({ jobType, queue, ...counts }) => ({ jobType, queue, ...metricsOf(counts) }))
        .toSorted((one, other) => compare(one.jobType, other.jobType) || compare(one.queue ?? '', other.queue ?? ''))
    },
  }
}

function checked(options: MetricsOptions): ReadMetricsOptions {
  checkOptions('options', options, OPTION_NAMES, "{ minutes: 60, by: 'jobType' }")
  const { minutes = 60, until, stepMinutes: step = 1, by, jobType, queue } = options
  checkInteger('minutes', minutes, MINUTES)
  checkInteger('stepMinutes', step, STEP)
  if (minutes / step > MOST_POINTS)
    refuseOption('stepMinutes', step, `at least ${Math.ceil(minutes / MOST_POINTS)} for so many minutes`, 'Raise it')
  if (until !== undefined) checkDate('until', until)
  if (by !== undefined && by !== 'jobType' && by !== 'queue')
    refuseOption('by', by, "'jobType' or 'queue'", 'Leave it out for one series of everything')
  if (jobType !== undefined) checkText('jobType', jobType)
  if (queue !== undefined) checkText('queue', queue)
  return {
    until: until ?? null,
    minutes,
    step,
    by: by ?? null,
    ...(jobType !== undefined && { jobType }),
    ...(queue !== undefined && { queue }),
  }
}

function seriesOf(rows: readonly MetricRow[]): MetricsSeries[] {
  const series = new Map<string, MetricRow[]>()
  for (const row of rows) {
    const key = JSON.stringify([row.jobType, row.queue])
    const known = series.get(key)
    if (known === undefined) series.set(key, [row])
    else known.push(row)
  }
  return [...series.values()]
    .map((all) => ({
      jobType: all[0]?.jobType ?? null,
      queue: all[0]?.queue ?? null,
      total: metricsOf(all.reduce<MetricCounts>(sum, NOTHING)),
      points: all.map(({ at, ...counts }): MetricsPoint => ({ at, ...metricsOf(counts) })),
    }))
    .toSorted((one, other) => other.total.run.count - one.total.run.count)
}

const NO_DURATIONS: DurationCounts = { sumMs: 0, counts: [] }
const NOTHING: MetricCounts = { completed: 0, retried: 0, failed: 0, run: NO_DURATIONS, wait: NO_DURATIONS }

function sum(one: MetricCounts, other: MetricCounts): MetricCounts {
  return {
    completed: one.completed + other.completed,
    retried: one.retried + other.retried,
    failed: one.failed + other.failed,
    run: addDurations(one.run, other.run),
    wait: addDurations(one.wait, other.wait),
  }
}

function metricsOf({ completed, retried, failed, run, wait }: MetricCounts): JobMetrics {
  return { completed, retried, failed, run: durationsOf(run), wait: durationsOf(wait) }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

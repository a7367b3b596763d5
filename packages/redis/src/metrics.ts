import {
  addDurations,
  type MetricCounts,
  type MetricRow,
  type MetricStore,
  type ReadMetricsOptions,
} from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

const MINUTE_MS = 60_000
/** Read in one call: while it lasts the server does nothing else. */
const MINUTES = 120

interface Series extends MetricCounts {
  readonly jobType: string
  readonly queue: string | null
}

export function metricVerbs(instance: RedisInstance): MetricStore {
  return {
    async recordMetrics({ entries }) {
      const told = entries.map(({ agoMs, jobType, queue, completed, retried, failed, run, wait }) => [
        Math.round(agoMs),
        jobType,
        queue ?? '',
        completed,
        retried,
        failed,
        ...[run, wait].flatMap(({ sumMs, counts }) => [sumMs, counts]),
      ])
      return integer(await instance.run(scripts.record_metrics, [JSON.stringify(told)]))
    },
    async readMetrics(options) {
      const merged = new Map<string, MetricRow>()
      let last: number | '' = options.until === null ? '' : Math.floor(options.until.getTime() / MINUTE_MS)
      for (let left = options.minutes; left > 0; left -= MINUTES) {
        const [end, ...minutes] = list(await instance.run(scripts.read_metrics, [last, Math.min(left, MINUTES)]))
        for (const [minute, ...series] of minutes.map(list))
          for (const one of seriesOf(series))
            if (isWanted(one, options)) merge(merged, rowOf(one, integer(minute), options))
        last = integer(end) - MINUTES
      }
      return [...merged.values()].toSorted((one, other) => one.at.getTime() - other.at.getTime())
    },
    async metricTotals() {
      return seriesOf(list(await instance.run(scripts.metric_totals)))
    },
  }
}

/** From names and values in turn. */
function seriesOf(flat: readonly unknown[]): Series[] {
  return flat.flatMap((name, at) => {
    if (at % 2 === 1) return []
    const [jobType = '', queue = ''] = text(name).split('\u001f')
    const values = list(JSON.parse(text(flat[at + 1])))
    const [completed, retried, failed, runMs, runs, waitMs, waits] = values
    return [
      {
        jobType,
        queue: queue === '' ? null : queue,
        completed: Number(completed),
        retried: Number(retried),
        failed: Number(failed),
        run: { sumMs: Number(runMs), counts: countsOf(runs) },
        wait: { sumMs: Number(waitMs), counts: countsOf(waits) },
      },
    ]
  })
}

/** An empty list is an object to who wrote it. */
function countsOf(counts: unknown): readonly number[] {
  return Array.isArray(counts) ? counts.map(Number) : []
}

function isWanted(series: Series, { jobType, queue }: ReadMetricsOptions): boolean {
  return (jobType === undefined || series.jobType === jobType) && (queue === undefined || series.queue === queue)
}

function rowOf(series: Series, minute: number, { step, by }: ReadMetricsOptions): MetricRow {
  return {
    ...series,
    at: new Date((minute - (minute % step)) * MINUTE_MS),
    jobType: by === 'jobType' ? series.jobType : null,
    queue: by === 'queue' ? series.queue : null,
  }
}

function merge(merged: Map<string, MetricRow>, row: MetricRow): void {
  const key = JSON.stringify([row.at, row.jobType, row.queue])
  const before = merged.get(key)
  merged.set(
    key,
    before === undefined
      ? row
      : {
          ...row,
          completed: before.completed + row.completed,
          retried: before.retried + row.retried,
          failed: before.failed + row.failed,
          run: addDurations(before.run, row.run),
          wait: addDurations(before.wait, row.wait),
        },
  )
}

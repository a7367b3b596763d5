import type { DurationCounts } from '../model/metrics.ts'
import type { MetricCounts, MetricEntry, MetricStore } from '../store/metrics.ts'
import type { Row } from './executor.ts'
import { date, integer, json, text, timeColumn, timestamp } from './rows.ts'
import type { Database } from './schema.ts'

const COUNTS =
  'm.completed, m.retried, m.failed, m.run_ms, to_json(m.run_buckets)::text, m.wait_ms, to_json(m.wait_buckets)::text'

const READ =
  `select ${COUNTS}, ${timeColumn('m.at')}, m.job_type, m.queue ` +
  'from :schema.read_metrics($1::timestamptz, $2::integer, $3::integer, $4::text, $5::text, $6::text) m order by m.at'

const TOTALS = `select ${COUNTS}, null, m.job_type, m.queue from :schema.metric_totals m order by m.job_type, m.queue`

export function metricVerbs(db: Database): MetricStore {
  return {
    async recordMetrics({ entries }) {
      return Number(
        await db.value('select :schema.record_metrics($1::jsonb)', [JSON.stringify(entries.map(entryJson))]),
      )
    },
    async readMetrics({ until, minutes, step, by, jobType, queue }) {
      const values = [until === null ? null : timestamp(until), minutes, step, by, jobType ?? null, queue ?? null]
      return (await db.read(READ, values)).map((row) => ({
        ...countsOf(row),
        at: date(row[7]),
        jobType: textOrNull(row[8]),
        queue: textOrNull(row[9]),
      }))
    },
    async metricTotals() {
      return (await db.read(TOTALS)).map((row) => {
        const queue = text(row[9])
        return { ...countsOf(row), jobType: text(row[8]), queue: queue === '' ? null : queue }
      })
    },
  }
}

function entryJson({ agoMs, jobType, queue, completed, retried, failed, run, wait }: MetricEntry): unknown[] {
  const measured = [run, wait].flatMap(({ sumMs, counts }) => [sumMs, counts])
  return [agoMs, jobType, queue, completed, retried, failed, ...measured]
}

function countsOf([completed, retried, failed, runMs, runs, waitMs, waits]: Row): MetricCounts {
  return {
    completed: integer(completed),
    retried: integer(retried),
    failed: integer(failed),
    run: durationCounts(runMs, runs),
    wait: durationCounts(waitMs, waits),
  }
}

function durationCounts(sumMs: unknown, counts: unknown): DurationCounts {
  const read: unknown = json(counts)
  return { sumMs: Number(sumMs), counts: Array.isArray(read) ? read.map(Number) : [] }
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : text(value)
}

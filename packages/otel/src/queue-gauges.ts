import type { BatchObservableResult, Meter } from '@opentelemetry/api'
import type { QueueStats } from 'millrace'
import { ATTRIBUTE, METRIC, SYSTEM } from './names.ts'

const SHORTEST_MS = 5000
/** Reading takes at most this share of the time. */
const SHARE = 20

/**
 * Gauges of the whole queue, read when metrics are collected.
 *
 * @returns Ends it.
 */
export function observeQueue(meter: Meter, read: () => Promise<QueueStats>): () => void {
  const jobs = meter.createObservableGauge(METRIC.jobs, { unit: '{job}', description: 'Jobs by status.' })
  const ready = meter.createObservableGauge(METRIC.ready, { unit: '{job}', description: 'Jobs that only need a slot.' })
  const oldest = meter.createObservableGauge(METRIC.oldestReady, {
    unit: 's',
    description: 'Age of the oldest of those.',
  })
  const workers = meter.createObservableGauge(METRIC.workers, { unit: '{worker}', description: 'Live workers.' })
  const recent = seldom(read)
  const observe = async (result: BatchObservableResult): Promise<void> => {
    const stats = await recent()
    const system = { [ATTRIBUTE.system]: SYSTEM }
    for (const [status, count] of Object.entries(stats.byStatus))
      result.observe(jobs, count, { ...system, [ATTRIBUTE.status]: status })
    result.observe(ready, stats.ready, system)
    result.observe(oldest, (stats.oldestReadyMs ?? 0) / 1000, system)
    result.observe(workers, stats.workers, system)
  }
  const gauges = [jobs, ready, oldest, workers]
  meter.addBatchObservableCallback(observe, gauges)
  return () => meter.removeBatchObservableCallback(observe, gauges)
}

/** Answers what was read last for as long as reading again would cost too much. */
function seldom(read: () => Promise<QueueStats>): () => Promise<QueueStats> {
  let latest: { readonly stats: Promise<QueueStats>; staleAt: number } | undefined
  return () => {
    const startedAt = performance.now()
    if (latest !== undefined && startedAt < latest.staleAt) return latest.stats
    const reading = { stats: read(), staleAt: Number.POSITIVE_INFINITY }
    latest = reading
    const over = (): void => {
      const now = performance.now()
      reading.staleAt = now + Math.max(SHORTEST_MS, (now - startedAt) * SHARE)
    }
    reading.stats.then(over, over)
    return reading.stats
  }
}

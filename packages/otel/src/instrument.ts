import type { JobQueue } from 'millrace'
import { JobMetrics } from './metrics.ts'
import { checkOptions, type InstrumentOptions } from './options.ts'
import { observeQueue } from './queue-gauges.ts'
import { JobSpans } from './spans.ts'

const SCOPE = '@millrace/otel'
const VERSION = '0.1.0'

/**
 * Traces and measures what this process does with `queue`, by OpenTelemetry. Set its SDK up before; without one nothing is recorded and
 * nothing travels with jobs.
 *
 * @returns A function that ends it.
 * @throws MillraceError `OPTION_INVALID`, also if the queue is instrumented already
 */
export function instrumentQueue<PayloadMap>(queue: JobQueue<PayloadMap>, options: InstrumentOptions = {}): () => void {
  const settings = checkOptions(options)
  const meter = settings.meterProvider.getMeter(SCOPE, VERSION)
  const metrics = new JobMetrics(meter)
  const spans = new JobSpans(settings.tracerProvider.getTracer(SCOPE, VERSION), metrics, settings.relation)
  const stopTracing = queue.hooks.trace(spans)
  const unsubscribe = queue.hooks.subscribe((event) => {
    metrics.on(event)
    if (event.type === 'job.settled') spans.settled(event)
    else if (event.type === 'worker.stopped') spans.workerStopped(event.workerId)
  })
  const stopObserving = settings.observeQueue ? observeQueue(meter, () => queue.getStats()) : () => undefined
  return () => {
    stopTracing()
    unsubscribe()
    stopObserving()
  }
}

import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api'
import type { HookEvent, TracedAttempt } from 'millrace'
import { ATTRIBUTE, DURATION_BUCKETS, errorType, METRIC, SYSTEM, WAIT_BUCKETS } from './names.ts'

/** What this process does, in numbers. Nothing here depends on an id: the number of series is that of job types. */
export class JobMetrics {
  readonly #sent: Counter
  readonly #consumed: Counter
  readonly #operation: Histogram
  readonly #process: Histogram
  readonly #wait: Histogram
  readonly #leasesLost: Counter
  readonly #rescued: Counter
  readonly #storeErrors: Counter

  constructor(meter: Meter) {
    const seconds = { unit: 's', advice: { explicitBucketBoundaries: DURATION_BUCKETS } }
    const messages = { unit: '{message}' }
    this.#sent = meter.createCounter(METRIC.sent, { ...messages, description: 'Jobs added by this process.' })
    this.#consumed = meter.createCounter(METRIC.consumed, { ...messages, description: 'Attempts started here.' })
    this.#operation = meter.createHistogram(METRIC.operation, { ...seconds, description: 'Calls to the store.' })
    this.#process = meter.createHistogram(METRIC.process, { ...seconds, description: 'Runs of handlers.' })
    this.#wait = meter.createHistogram(METRIC.wait, {
      unit: 's',
      advice: { explicitBucketBoundaries: WAIT_BUCKETS },
      description: 'From the add of a job to its first attempt, with the time it was scheduled for.',
    })
    this.#leasesLost = meter.createCounter(METRIC.leasesLost, { description: 'Attempts given away while they ran.' })
    this.#rescued = meter.createCounter(METRIC.rescued, { description: 'Jobs taken back from dead workers.' })
    this.#storeErrors = meter.createCounter(METRIC.storeErrors, { description: 'Calls to the store that failed.' })
  }

  /** @param jobTypes - One for each job. */
  sent(jobTypes: readonly string[]): void {
    for (const jobType of jobTypes) this.#sent.add(1, of('send', jobType))
  }

  operation(
    name: string,
    durationMs: number,
    told: { destination?: string | undefined; failure?: string | undefined } = {},
  ): void {
    const { destination, failure } = told
    this.#operation.record(durationMs / 1000, {
      ...of(name, destination),
      ...(failure === undefined ? {} : { [ATTRIBUTE.errorType]: failure }),
    })
  }

  started({ jobType, attempt, createdAt }: TracedAttempt, now: number): void {
    const waitedMs = now - Date.parse(createdAt)
    // The store's clock and this machine's are two.
    if (attempt === 1 && !Number.isNaN(waitedMs))
      this.#wait.record(Math.max(0, waitedMs) / 1000, of('process', jobType))
  }

  on(event: HookEvent): void {
    // Of hooks that are no measure nothing is counted.
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check
    switch (event.type) {
      case 'job.added':
        for (const [jobType, count] of Object.entries(event.counts)) this.#sent.add(count, of('send', jobType))
        break
      case 'job.started':
        this.#consumed.add(1, of('process', event.jobType))
        break
      case 'job.settled':
        this.#process.record(event.durationMs / 1000, ended(event))
        break
      case 'claim':
        this.operation('receive', event.durationMs)
        break
      case 'settle':
        this.operation('settle', event.durationMs)
        break
      case 'lease.lost':
        this.#leasesLost.add(1, of('process', event.jobType))
        break
      case 'rescue':
        this.#rescued.add(event.jobs, { [ATTRIBUTE.system]: SYSTEM })
        break
      case 'store.error':
        this.#storeErrors.add(1, {
          [ATTRIBUTE.system]: SYSTEM,
          [ATTRIBUTE.storeOperation]: event.operation,
          [ATTRIBUTE.errorType]: errorType(event.error, event.code),
        })
        break
    }
  }
}

function of(operation: string, destination: string | undefined): Attributes {
  return {
    [ATTRIBUTE.system]: SYSTEM,
    [ATTRIBUTE.operation]: operation,
    ...(destination === undefined ? {} : { [ATTRIBUTE.destination]: destination }),
  }
}

function ended(event: Extract<HookEvent, { readonly type: 'job.settled' }>): Attributes {
  const hasFailed = event.outcome === 'threw' || event.outcome === 'fatal'
  return {
    ...of('process', event.jobType),
    [ATTRIBUTE.outcome]: event.result === 'lost' ? 'lost' : event.outcome,
    [ATTRIBUTE.willRetry]: event.willRetry,
    ...(event.result === 'lost' ? { [ATTRIBUTE.errorType]: 'LEASE_LOST' } : {}),
    ...(hasFailed && event.result !== 'lost' ? { [ATTRIBUTE.errorType]: errorType(event.error, event.reason) } : {}),
  }
}

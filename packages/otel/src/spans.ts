import {
  type Attributes,
  context,
  type Context,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import type { HookEvent, JobTracer, TracedAdd, TracedAttempt, TracedStep } from 'millrace'
import { readContext, writeContext } from './carried-context.ts'
import { ATTRIBUTE, errorType, SYSTEM } from './names.ts'
import type { JobMetrics } from './metrics.ts'

type Settled = Extract<HookEvent, { readonly type: 'job.settled' }>

/** An attempt whose handler was called and of which nothing is recorded yet. */
interface OpenAttempt {
  readonly span: Span
  readonly startedAt: number
  readonly workerId: string
  /** Of steps that have not ended: a handler that waits is left in the middle of one. */
  readonly steps: Set<Span>
}

/** Spans: `send` around adds, `process` around handlers, one for each step in them. */
export class JobSpans implements JobTracer {
  readonly #tracer: Tracer
  readonly #metrics: JobMetrics
  readonly #relation: 'link' | 'child'
  readonly #open = new Map<string, OpenAttempt>()

  constructor(tracer: Tracer, metrics: JobMetrics, relation: 'link' | 'child') {
    this.#tracer = tracer
    this.#metrics = metrics
    this.#relation = relation
  }

  async send<T>(adding: TracedAdd, add: (trace: string | null) => Promise<T>): Promise<T> {
    const { jobTypes } = adding
    const [jobType] = jobTypes
    const destination = new Set(jobTypes).size === 1 ? jobType : undefined
    const operation = { [ATTRIBUTE.operation]: 'send', [ATTRIBUTE.operationType]: 'send' }
    const name = destination === undefined ? 'send' : `send ${destination}`
    const span = this.#tracer.startSpan(name, {
      kind: SpanKind.PRODUCER,
      attributes: {
        ...subject(destination),
        ...operation,
        ...(jobTypes.length === 1 ? {} : { [ATTRIBUTE.batchCount]: jobTypes.length }),
      },
    })
    const within = trace.setSpan(context.active(), span)
    const startedAt = performance.now()
    let failure: string | undefined
    try {
      const answer = await context.with(within, () => add(writeContext(within)))
      if (typeof answer === 'number') span.setAttribute(ATTRIBUTE.messageId, String(answer))
      if (adding.isInTransaction) this.#metrics.sent(jobTypes)
      return answer
    } catch (error) {
      failure = errorType(error, undefined)
      fail(span, error, failure)
      throw error
    } finally {
      span.end()
      this.#metrics.operation('send', performance.now() - startedAt, { destination, failure })
    }
  }

  current(): string | null {
    return writeContext(context.active())
  }

  attempt<T>(attempt: TracedAttempt, call: () => T): T {
    const carried = readContext(attempt.trace)
    const producer = trace.getSpanContext(carried)
    const isChild = this.#relation === 'child'
    const links: Link[] = producer !== undefined && !isChild ? [{ context: producer }] : []
    // Baggage comes along either way.
    const parent = isChild ? carried : trace.deleteSpan(carried)
    const startedAt = Date.now()
    const options = { kind: SpanKind.CONSUMER, startTime: startedAt, links, attributes: ofAttempt(attempt) }
    const span = this.#tracer.startSpan(`process ${attempt.jobType}`, options, parent)
    const { workerId } = attempt
    this.#open.set(keyOf(attempt), { span, startedAt, workerId, steps: new Set() })
    this.#metrics.started(attempt, startedAt)
    return context.with(trace.setSpan(parent, span), call)
  }

  async step<T>(step: TracedStep, run: () => Promise<T>): Promise<T> {
    const within: Context = context.active()
    const span = this.#tracer.startSpan(`step ${step.name}`, { attributes: { [ATTRIBUTE.step]: step.name } }, within)
    const steps = this.#open.get(keyOf(step))?.steps
    steps?.add(span)
    try {
      return await context.with(trace.setSpan(within, span), run)
    } catch (error) {
      fail(span, error, errorType(error, undefined))
      throw error
    } finally {
      if (steps?.delete(span) !== false) span.end()
    }
  }

  settled(event: Settled): void {
    const key = keyOf(event)
    const attempt = this.#open.get(key)
    if (attempt === undefined) return
    this.#open.delete(key)
    const { span, startedAt } = attempt
    span.setAttributes({ [ATTRIBUTE.outcome]: event.outcome, [ATTRIBUTE.willRetry]: event.willRetry })
    if (event.result === 'lost') span.setAttribute(ATTRIBUTE.errorType, 'LEASE_LOST')
    if (event.result === 'lost') span.setStatus({ code: SpanStatusCode.ERROR, message: 'The lease was lost.' })
    else if (event.outcome === 'threw' || event.outcome === 'fatal')
      fail(span, event.error, errorType(event.error, event.reason))
    end(attempt, startedAt + event.durationMs)
  }

  /** Whatever is open of a worker that is gone was never recorded. */
  workerStopped(workerId: string): void {
    for (const [key, attempt] of this.#open) {
      if (attempt.workerId !== workerId) continue
      this.#open.delete(key)
      attempt.span.setStatus({ code: SpanStatusCode.ERROR, message: 'The worker stopped before this was recorded.' })
      end(attempt, undefined)
    }
  }
}

/** One attempt of a job runs in a worker at a time. */
function keyOf({ workerId, jobId, attempt }: Pick<TracedStep, 'workerId' | 'jobId' | 'attempt'>): string {
  return `${jobId} ${attempt} ${workerId}`
}

function subject(destination: string | undefined): Attributes {
  return { [ATTRIBUTE.system]: SYSTEM, ...(destination === undefined ? {} : { [ATTRIBUTE.destination]: destination }) }
}

function ofAttempt({ jobId, jobType, attempt, workerId, groupId, tenantId }: TracedAttempt): Attributes {
  return {
    ...subject(jobType),
    [ATTRIBUTE.operation]: 'process',
    [ATTRIBUTE.operationType]: 'process',
    [ATTRIBUTE.messageId]: String(jobId),
    [ATTRIBUTE.clientId]: workerId,
    [ATTRIBUTE.attempt]: attempt,
    ...(groupId === null ? {} : { [ATTRIBUTE.group]: groupId }),
    ...(tenantId === null ? {} : { [ATTRIBUTE.tenant]: tenantId }),
  }
}

function fail(span: Span, error: unknown, type: string): void {
  const exception = error instanceof Error ? error : String(error)
  span.recordException(exception)
  span.setAttribute(ATTRIBUTE.errorType, type)
  span.setStatus({ code: SpanStatusCode.ERROR, message: typeof exception === 'string' ? exception : exception.message })
}

function end({ span, steps }: OpenAttempt, at: number | undefined): void {
  for (const step of steps) step.end(at)
  steps.clear()
  span.end(at)
}

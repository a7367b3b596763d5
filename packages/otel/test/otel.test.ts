import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import { initJobQueue, type JobQueue, type JobQueueConfig } from 'millrace'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { instrumentQueue, type InstrumentOptions } from '../src/index.ts'
import { startTelemetry, type Telemetry, told, type ToldSpan } from './support/telemetry.mjs'

const WORKER = fileURLToPath(new URL('programs/worker.mjs', import.meta.url))
const url = process.env['MILLRACE_TEST_PG18_URL']
const SCHEMA = 'otel_test'

let telemetry: Telemetry
beforeEach(() => {
  telemetry = startTelemetry()
})
afterEach(() => telemetry.stop())

interface Spans {
  readonly here: readonly ToldSpan[]
  readonly there: readonly ToldSpan[]
}

/** Adds jobs here, in a span of the application, and lets a process of its own work them; the spans of both. */
async function acrossProcesses(
  config: JobQueueConfig,
  relation: NonNullable<InstrumentOptions['relation']>,
  add: (queue: JobQueue) => Promise<number>,
): Promise<Spans> {
  const queue = initJobQueue(config)
  const stop = instrumentQueue(queue, { relation })
  try {
    await queue.ready()
    const worker = fork(WORKER, [JSON.stringify({ config, relation })], { serialization: 'advanced' })
    try {
      await once(worker, 'message')
      const tracer = trace.getTracer('app')
      const id = await tracer.startActiveSpan('request', async (span) => {
        const added = await add(queue)
        span.end()
        return added
      })
      await completed(queue, id)
      worker.send('stop')
      const [there] = await once(worker, 'message')
      return { here: await told(telemetry), there: there as readonly ToldSpan[] }
    } finally {
      if (worker.connected) worker.kill()
      if (worker.exitCode === null) await once(worker, 'exit')
    }
  } finally {
    stop()
    await queue.close()
  }
}

async function completed(queue: JobQueue, id: number): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const stats = await queue.getStats()
    const job = await queue.getJob(id)
    if (job?.status === 'completed' && stats.byStatus.pending + stats.byStatus.processing === 0) return
    if (Date.now() > deadline) throw new Error(`Job ${id} is ${job?.status}.`)
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
  }
}

function only(spans: readonly ToldSpan[], name: string): ToldSpan {
  const found = spans.filter((span) => span.name === name)
  if (found.length !== 1) throw new Error(`${found.length} spans are called ${name}.`)
  return found[0] as ToldSpan
}

/** Checks every relation. */
function linked({ here, there }: Spans): true {
  const request = only(here, 'request')
  const send = only(here, 'send order')
  expect([send.parentId, send.traceId, send.kind]).toEqual([request.spanId, request.traceId, SpanKind.PRODUCER])
  expect(send.attributes).toMatchObject({ 'messaging.system': 'millrace', 'messaging.destination.name': 'order' })
  expect(send.attributes['messaging.message.id']).toMatch(/^\d+$/)

  const runs = there.filter(({ name }) => name === 'process order')
  expect(runs.map(({ attributes }) => attributes['millrace.job.attempt'])).toEqual([1, 2])
  for (const run of runs) {
    expect(run.kind).toBe(SpanKind.CONSUMER)
    expect(run.links).toEqual([{ traceId: send.traceId, spanId: send.spanId }])
    expect([run.parentId, run.traceId === send.traceId]).toEqual([null, false])
    expect(run.attributes).toMatchObject({
      'messaging.message.id': send.attributes['messaging.message.id'],
      'messaging.client.id': 'other-process',
      'messaging.operation.type': 'process',
    })
  }
  const [failed, good] = runs as [ToldSpan, ToldSpan]
  expect([failed.status, failed.attributes['error.type'], failed.events]).toEqual([
    SpanStatusCode.ERROR,
    'TypeError',
    ['exception'],
  ])
  expect(failed.attributes).toMatchObject({ 'millrace.job.outcome': 'threw', 'millrace.job.will_retry': true })
  expect([good.status, good.attributes['millrace.job.outcome']]).toEqual([SpanStatusCode.UNSET, 'returned'])

  // The step was done in the first attempt, and is not run, nor traced, again.
  const step = only(there, 'step charge')
  expect([step.parentId, step.traceId]).toEqual([failed.spanId, failed.traceId])
  expect(only(there, 'call the bank').parentId).toBe(step.spanId)

  // What a handler adds when it completes belongs to its attempt.
  const mail = only(there, 'process mail')
  expect(mail.links).toEqual([{ traceId: good.traceId, spanId: good.spanId }])
  return true
}

const order = (queue: JobQueue): Promise<number> =>
  queue.addJob({ jobType: 'order', payload: { failsOnce: true }, retryDelay: 0.05 })

describe.skipIf(url === undefined)('two processes on PostgreSQL', () => {
  const config = { databaseConfig: { connectionString: url }, schema: SCHEMA } as const
  const reset = async (): Promise<void> => {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`drop schema if exists ${SCHEMA} cascade`)
    await client.end()
  }
  beforeEach(reset)
  afterAll(reset)

  it('an attempt is linked to the add in the other process, its steps and what they do are within it', async () => {
    expect(linked(await acrossProcesses(config, 'link', order))).toBe(true)
  }, 60_000)

  it('or it continues the trace of the add', async () => {
    const { here, there } = await acrossProcesses(config, 'child', order)
    const send = only(here, 'send order')
    const runs = there.filter(({ name }) => name === 'process order')
    expect(runs.map(({ parentId, traceId }) => [parentId, traceId])).toEqual([
      [send.spanId, send.traceId],
      [send.spanId, send.traceId],
    ])
    expect(new Set(there.map(({ traceId }) => traceId))).toEqual(new Set([send.traceId]))
  }, 60_000)

  it('a job added in a transaction carries a trace as well; one added without tracing carries none', async () => {
    const queue = initJobQueue(config)
    const client = new pg.Client(url)
    await client.connect()
    try {
      const untraced = await queue.addJob({ jobType: 'order', payload: {} })
      const stop = instrumentQueue(queue)
      const traced = await queue.addJob({ jobType: 'order', payload: {} }, { db: client })
      stop()
      const after = await queue.addJob({ jobType: 'order', payload: {} })
      const { rows } = await client.query(`select id::int, trace from ${SCHEMA}.jobs order by id`)
      const send = only(await told(telemetry), 'send order')
      expect(rows).toEqual([
        { id: untraced, trace: null },
        { id: traced, trace: `00-${send.traceId}-${send.spanId}-01` },
        { id: after, trace: null },
      ])
    } finally {
      await client.end()
      await queue.close()
    }
  })
})

describe('two processes on the embedded database', () => {
  let dataDir: string
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-otel-'))
  })
  afterAll(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))

  it('an attempt is linked to the add in the other process, its steps and what they do are within it', async () => {
    expect(linked(await acrossProcesses({ backend: 'pglite', dataDir }, 'link', order))).toBe(true)
  }, 60_000)

  it('what the process and the queue do is measured under the names of the conventions', async () => {
    const queue = initJobQueue({ backend: 'pglite', dataDir })
    const stop = instrumentQueue(queue, { observeQueue: true })
    try {
      expect(() => instrumentQueue(queue)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
      const processor = queue.createProcessor({
        good: async () => undefined,
        bad: async () => {
          throw new RangeError('never')
        },
      })
      await queue.addJobs([
        { jobType: 'good', payload: {} },
        { jobType: 'good', payload: {} },
        { jobType: 'bad', payload: {}, maxAttempts: 1 },
      ])
      await processor.start()
      await telemetry.provider.forceFlush()
      const points = pointsOf(telemetry)
      const good = { 'messaging.system': 'millrace', 'messaging.destination.name': 'good' }
      const bad = { ...good, 'messaging.destination.name': 'bad' }
      expect(points('messaging.client.sent.messages', good)).toBe(2)
      expect(points('messaging.client.sent.messages', bad)).toBe(1)
      expect(points('messaging.client.consumed.messages', good)).toBe(2)
      expect(points('messaging.process.duration', { ...good, 'millrace.job.outcome': 'returned' })).toBe(2)
      expect(
        points('messaging.process.duration', { ...bad, 'error.type': 'RangeError', 'millrace.job.will_retry': false }),
      ).toBe(1)
      expect(points('millrace.job.wait.duration', good)).toBe(2)
      expect(points('messaging.client.operation.duration', { 'messaging.operation.name': 'send' })).toBe(1)
      expect(points('messaging.client.operation.duration', { 'messaging.operation.name': 'receive' })).toBeGreaterThan(
        0,
      )
      expect(points('millrace.queue.jobs', { 'millrace.job.status': 'failed' })).toBe(1)
      expect(points('millrace.queue.ready', {})).toBe(0)
      const batch = only(await told(telemetry), 'send')
      expect(batch.attributes['messaging.batch.message_count']).toBe(3)
    } finally {
      stop()
      await queue.close()
    }
  }, 60_000)
})

describe('options', () => {
  it.each([{ relation: 'parent' }, { observeQueue: 'yes' }, { tracer: 1 }])('%j is refused', async (options) => {
    await using queue = initJobQueue({ backend: 'pglite', dataDir: join(tmpdir(), 'millrace-otel-never') })
    expect(() => instrumentQueue(queue, options as InstrumentOptions)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})

/** The sum of a metric, or the count of a histogram, over the points that have these attributes. */
function pointsOf({ measured }: Telemetry): (name: string, attributes: Readonly<Record<string, unknown>>) => number {
  const all =
    measured
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
  return (name, attributes) => {
    const metric = all.find(({ descriptor }) => descriptor.name === name)
    if (metric === undefined)
      throw new Error(`There is no ${name} among ${all.map(({ descriptor }) => descriptor.name).join(', ')}.`)
    const has = (point: { readonly attributes: Readonly<Record<string, unknown>> }): boolean =>
      Object.entries(attributes).every(([key, value]) => point.attributes[key] === value)
    return metric.dataPointType === DataPointType.HISTOGRAM
      ? metric.dataPoints.filter(has).reduce((sum, { value }) => sum + value.count, 0)
      : metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM
        ? Number.NaN
        : metric.dataPoints.filter(has).reduce((sum, { value }) => sum + value, 0)
  }
}

import type { Durations, JobMetrics, MetricTotal } from 'millrace'
import type { Call, Route } from '../call.ts'
import { STATUSES } from '../filters.ts'
import { RequestProblem } from '../request-problem.ts'
import type { MetricsOfSpan, MetricsView } from '../wire.ts'

/** How far back the page looks, and how many minutes are one point of it then. */
const STEPS: ReadonlyMap<number, number> = new Map([
  [60, 1],
  [360, 5],
  [1440, 15],
  [4320, 60],
])
const MINUTE_MS = 60_000
const MOST_TYPES = 100

/** The routes about what ended, how fast and how well. */
export const metricsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/metrics',
    summary: 'What ended in each minute of the last hours, with how long it ran and waited, and the same by type.',
    query: { minutes: { type: 'integer', enum: [...STEPS.keys()], default: 60 } },
    isForWholeInstance: true,
    handle: readMetrics,
  },
  {
    method: 'GET',
    path: '/prometheus',
    summary: 'Numbers of all processes as Prometheus reads them; also at `/metrics`, beside the API.',
    isForWholeInstance: true,
    answers: 'text/plain',
    handle: prometheus,
  },
]

async function readMetrics({ dashboard: { queue, reads }, query }: Call): Promise<MetricsView> {
  const minutes = Number(query.get('minutes') ?? 60)
  const step = STEPS.get(minutes)
  if (step === undefined)
    throw new RequestProblem(400, 'PARAMETER_INVALID', `\`minutes\` must be one of ${[...STEPS.keys()].join(', ')}.`)
  return reads.read(`metrics ${minutes}`, async () => {
    const [everything, types] = await Promise.all([
      queue.getMetrics({ minutes, stepMinutes: step }),
      queue.getMetrics({ minutes, stepMinutes: 1440, by: 'jobType' }),
    ])
    const [all] = everything
    const known = new Map(all?.points.map((point) => [point.at.getTime(), point]))
    const stepMs = step * MINUTE_MS
    const last = Math.max(Math.floor(Date.now() / stepMs) * stepMs, ...known.keys())
    const points = Array.from({ length: minutes / step }, (_, at) => {
      const time = last - (minutes / step - 1 - at) * stepMs
      return { at: new Date(time).toISOString(), ...shown(known.get(time)) }
    })
    return {
      stepMinutes: step,
      points,
      total: shown(all?.total),
      types: types.slice(0, MOST_TYPES).map(({ jobType, total }) => ({ jobType: jobType ?? '', ...shown(total) })),
    }
  })
}

function shown(metrics: JobMetrics | undefined): MetricsOfSpan {
  return {
    completed: metrics?.completed ?? 0,
    retried: metrics?.retried ?? 0,
    failed: metrics?.failed ?? 0,
    runP50Ms: metrics?.run.p50Ms ?? null,
    runP95Ms: metrics?.run.p95Ms ?? null,
    waitP95Ms: metrics?.wait.p95Ms ?? null,
  }
}

async function prometheus({ dashboard: { queue, reads, sampler } }: Call): Promise<Response> {
  const [stats, totals] = await Promise.all([
    sampler.stats(),
    reads.read('metric totals', () => queue.getMetricTotals()),
  ])
  const lines = [
    ...family('millrace_jobs', 'gauge', 'Jobs by status; counted to 10,000, estimated beyond.'),
    ...STATUSES.map((status) => sample('millrace_jobs', { status }, stats[status].count)),
    ...family('millrace_ready_jobs', 'gauge', 'Jobs that only need a slot.'),
    sample('millrace_ready_jobs', {}, stats.ready.count),
    ...family('millrace_oldest_ready_seconds', 'gauge', 'How long the oldest of those has been ready.'),
    sample('millrace_oldest_ready_seconds', {}, (stats.oldestReadyMs ?? 0) / 1000),
    ...family('millrace_workers', 'gauge', 'Live workers.'),
    sample('millrace_workers', {}, stats.workers),
    ...family('millrace_attempts_total', 'counter', 'Attempts that ended, by what became of the job.'),
    ...totals.flatMap((total) =>
      (['completed', 'retried', 'failed'] as const).map((outcome) =>
        sample('millrace_attempts_total', { ...labelsOf(total), outcome }, total[outcome]),
      ),
    ),
    ...family('millrace_run_seconds', 'histogram', 'From the call of a handler to its end.'),
    ...totals.flatMap((total) => histogram('millrace_run_seconds', labelsOf(total), total.run)),
    ...family(
      'millrace_wait_seconds',
      'histogram',
      'From the add of a job that is ready at once to its first attempt.',
    ),
    ...totals.flatMap((total) => histogram('millrace_wait_seconds', labelsOf(total), total.wait)),
  ]
  const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
  return new Response(`${lines.join('\n')}\n`, { headers })
}

type Labels = Readonly<Record<string, string>>

function labelsOf({ jobType, queue }: MetricTotal): Labels {
  return { job_type: jobType, queue: queue ?? '' }
}

function family(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function sample(name: string, labels: Labels, value: number): string {
  const told = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${told.length === 0 ? '' : `{${told.join(',')}}`} ${value}`
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
}

/** One bound for each doubling, from a millisecond to a day and a half: always the same ones, as sums over processes need. */
const BOUNDS_MS = Array.from({ length: 28 }, (_, n) => 2 ** n)

function histogram(name: string, labels: Labels, { buckets, count, sumMs }: Durations): string[] {
  const within = (boundMs: number): number =>
    buckets.reduce((sum, { toMs, count: one }) => (toMs !== null && toMs <= boundMs ? sum + one : sum), 0)
  return [
    ...BOUNDS_MS.map((boundMs) => sample(`${name}_bucket`, { ...labels, le: String(boundMs / 1000) }, within(boundMs))),
    sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    sample(`${name}_sum`, labels, sumMs / 1000),
    sample(`${name}_count`, labels, count),
  ]
}

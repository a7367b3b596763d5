import { JOB_QUERY_TERMS, type Figures, type JobStatus } from 'millrace'
import type { Call, Route } from '../call.ts'
import { STATUSES } from '../filters.ts'
import { jobRow, time, workerRow } from '../show.ts'
import type { Attention, Health, Meta, Overview, VitalsView, WorkerRow } from '../wire.ts'

const SHOWN_JOBS = 8
/** Of somebody who sees one tenant's jobs only: no index leads to them. */
const COUNTED = { limit: 1000, lookAt: 20_000 }
const LONG_WAIT_MS = 60_000

/** The routes about everything at once. */
export const instanceRoutes: readonly Route[] = [
  { method: 'GET', path: '/meta', summary: 'Who asks, and what may be done.', handle: metaOf },
  { method: 'GET', path: '/overview', summary: 'How things stand.', isLive: true, handle: overviewOf },
  {
    method: 'GET',
    path: '/workers',
    summary: 'Running processors of all processes.',
    isForWholeInstance: true,
    isLive: true,
    handle: async (call) => ({ workers: await workersOf(call) }),
  },
  {
    method: 'GET',
    path: '/vitals',
    summary: 'How the database itself is: its size, dead rows, connections, its oldest transaction.',
    isForWholeInstance: true,
    async handle({ dashboard }): Promise<VitalsView> {
      const { tables, ...vitals } = await dashboard.reads.read('vitals', () => dashboard.queue.getVitals())
      return { ...vitals, tables: tables.map((table) => ({ ...table, vacuumedAt: time(table.vacuumedAt) })) }
    },
  },
  {
    method: 'GET',
    path: '/health',
    summary: 'Looks for anything stored that must not be; reads every live job.',
    isForWholeInstance: true,
    async handle({ dashboard }): Promise<Health> {
      const startedAt = performance.now()
      const violations = await dashboard.queue.checkInvariants()
      const tookMs = Math.round(performance.now() - startedAt)
      return { checkedAt: new Date().toISOString(), tookMs, violations: violations.slice(0, 200) }
    },
  },
]

async function metaOf(call: Call): Promise<Meta> {
  const { dashboard, access } = call
  const { settings } = dashboard
  const [workers, { pauses }] = await Promise.all([
    access.tenantId === null ? workersOf(call) : [],
    dashboard.queue.getFeatures(),
  ])
  const declared = dashboard.queue.describeJobs().map(({ jobType }) => jobType)
  const types = new Set([...settings.jobTypes, ...declared, ...workers.flatMap(({ jobTypes }) => jobTypes ?? [])])
  return {
    ...access,
    canPause: access.canChange && pauses,
    canProcess: dashboard.processor !== null && access.tenantId === null,
    jobTypes: [...types].toSorted((one, other) => one.localeCompare(other)),
    redacts: settings.redact.length > 0,
    queryTerms: JOB_QUERY_TERMS,
  }
}

/** Of all processes. */
export async function workersOf({ dashboard }: Call): Promise<WorkerRow[]> {
  const now = new Date()
  return (await dashboard.queue.getWorkers()).map((worker) => workerRow(worker, now))
}

async function overviewOf(call: Call): Promise<Overview> {
  const { queue } = call.dashboard
  const { tenantId } = call.access
  const own = tenantId === null ? {} : { tenantId }
  const [figures, failures, recent] = await Promise.all([
    tenantId === null ? figuresOfAll(call) : figuresOfTenant(call, tenantId),
    queue.searchJobs({ ...own, status: 'failed' }, { limit: SHOWN_JOBS }),
    queue.searchJobs(own, { limit: SHOWN_JOBS }),
  ])
  return {
    at: new Date().toISOString(),
    ...figures,
    failures: failures.jobs.map(jobRow),
    recent: recent.jobs.map(jobRow),
  }
}

type Counts = Omit<Overview, 'at' | 'failures' | 'recent'>

async function figuresOfAll(call: Call): Promise<Counts> {
  const { sampler } = call.dashboard
  const [stats, workers] = await Promise.all([sampler.stats(), workersOf(call)])
  const sum = (of: (worker: WorkerRow) => number): number => workers.reduce((total, worker) => total + of(worker), 0)
  return {
    counts: {
      pending: stats.pending.count,
      processing: stats.processing.count,
      completed: stats.completed.count,
      failed: stats.failed.count,
      cancelled: stats.cancelled.count,
      waiting: stats.waiting.count,
    },
    estimated: STATUSES.filter((status) => stats[status].isEstimate),
    ofLatest: null,
    ready: stats.ready.count,
    timed: stats.timed.count,
    groupWaiting: stats.groupWaiting.count,
    oldestReadyMs: stats.oldestReadyMs,
    workers: { count: workers.length, slots: sum((one) => one.concurrency), running: sum((one) => one.running) },
    samples: sampler.samples(),
    attention: attentionOf(stats, workers),
  }
}

async function figuresOfTenant({ dashboard: { queue } }: Call, tenantId: string): Promise<Counts> {
  const { jobs } = await queue.searchJobs({ tenantId }, COUNTED)
  const count = (wanted: JobStatus): number => jobs.filter(({ status }) => status === wanted).length
  return {
    counts: {
      pending: count('pending'),
      processing: count('processing'),
      completed: count('completed'),
      failed: count('failed'),
      cancelled: count('cancelled'),
      waiting: count('waiting'),
    },
    estimated: [],
    ofLatest: COUNTED.lookAt,
    ready: null,
    timed: null,
    groupWaiting: null,
    oldestReadyMs: null,
    workers: null,
    samples: [],
    attention: [],
  }
}

function attentionOf(stats: Figures, workers: readonly WorkerRow[]): Attention[] {
  const lost = workers.filter(({ isLost }) => isLost).length
  const found: (Attention | false)[] = [
    stats.ready.count > 0 &&
      workers.length === lost && {
        level: 'danger',
        text: `No worker is running, and ${stats.ready.count.toLocaleString('en')} ${stats.ready.count === 1 ? 'job is' : 'jobs are'} ready to start.`,
        href: '#/jobs?status=pending',
      },
    lost > 0 && {
      level: 'warning',
      text: `${lost} ${lost === 1 ? 'worker has' : 'workers have'} gone silent; what they ran is taken back.`,
      href: '#/workers',
    },
    workers.length > lost &&
      (stats.oldestReadyMs ?? 0) > LONG_WAIT_MS && {
        level: 'warning',
        text: `A job has been ready for ${Math.round((stats.oldestReadyMs ?? 0) / 1000)} s without being started.`,
        href: '#/jobs?status=pending',
      },
  ]
  return found.filter((item) => item !== false)
}

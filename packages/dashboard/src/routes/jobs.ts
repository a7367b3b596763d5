import type { JobRecord } from 'millrace'
import { idOf, type Call, type Route } from '../call.ts'
import { FILTER_PARAMETERS, filtersOf, numberOf } from '../filters.ts'
import { notFound } from '../locate.ts'
import { eventRow, jobDetail, jobRow, logRow, stepRow, time } from '../show.ts'
import type { GraphView, JobPage, JobRow, LogLines, Relations } from '../wire.ts'

const MAX_PAGE = 100
const MAX_OFFSET = 10_000
const MAX_RELATED = 50
/** As many as are kept of one job. */
const MAX_LINES = 1000

/** The routes that read jobs. */
export const jobRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/jobs',
    summary:
      'Jobs, newest first, without their payloads. A search ends after a bounded number of jobs: while there is a `nextCursor` it can go on.',
    query: {
      ...FILTER_PARAMETERS,
      limit: { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: 25 },
      cursor: { type: 'integer', minimum: 1, description: '`nextCursor` of the page before.' },
      offset: { type: 'integer', minimum: 0, maximum: MAX_OFFSET, description: 'In place of `cursor`; slower.' },
    },
    isLive: true,
    handle: listJobs,
  },
  {
    method: 'GET',
    path: '/jobs/:id',
    summary: 'One job with everything that is known of it.',
    isLive: true,
    handle: async (call) => ({ job: jobDetail(await jobOf(call), call.dashboard.settings.redact) }),
  },
  {
    method: 'GET',
    path: '/jobs/:id/events',
    summary: 'What has happened to a job, oldest first.',
    async handle(call) {
      const job = await jobOf(call)
      const events = await call.dashboard.queue.getJobEvents(job.id)
      return { events: events.map((event) => eventRow(event, call.dashboard.settings.redact)) }
    },
  },
  {
    method: 'GET',
    path: '/jobs/:id/steps',
    summary: 'What a job has done and waits for, in order.',
    async handle(call) {
      const job = await jobOf(call)
      const steps = await call.dashboard.queue.getJobSteps(job.id)
      return { steps: steps.map((step) => stepRow(step, call.dashboard.settings.redact)) }
    },
  },
  {
    method: 'GET',
    path: '/jobs/:id/logs',
    summary: 'What the handlers of a job said by `ctx.log`, of all attempts, oldest first.',
    query: {
      after: { type: 'integer', minimum: 0, description: 'Only lines after the one with this id.' },
      limit: { type: 'integer', minimum: 1, maximum: MAX_LINES, default: MAX_LINES },
    },
    isLive: true,
    handle: logsOf,
  },
  {
    method: 'GET',
    path: '/jobs/:id/explain',
    summary: 'Why a job is not running, as data and as a text.',
    // It names the jobs and workers that are in the way, whosoever they are.
    isForWholeInstance: true,
    isLive: true,
    handle: async (call) => call.dashboard.queue.explain((await jobOf(call)).id),
  },
  {
    method: 'GET',
    path: '/jobs/:id/relations',
    summary: 'The jobs that a job depends on, and those it was made of or became.',
    handle: relationsOf,
  },
  {
    method: 'GET',
    path: '/jobs/:id/graph',
    summary: 'A job with all jobs it waits for and all that wait for it, over whatever detour; at most 150.',
    isLive: true,
    handle: graphOf,
  },
]

async function listJobs({ dashboard: { queue }, access, query }: Call): Promise<JobPage> {
  const limit = numberOf('limit', query.get('limit'), { min: 1, max: MAX_PAGE, or: 25 })
  const cursor = numberOf('cursor', query.get('cursor'), { min: 1, max: Number.MAX_SAFE_INTEGER, or: 0 })
  const offset = numberOf('offset', query.get('offset'), { min: 0, max: MAX_OFFSET, or: 0 })
  const filters = filtersOf((name) => query.get(name), access)
  if (offset === 0 || cursor > 0) {
    const { jobs, nextCursor } = await queue.searchJobs({ ...filters, ...(cursor > 0 && { cursor }) }, { limit })
    return { jobs: jobs.map(jobRow), hasMore: nextCursor !== null, nextCursor }
  }
  const jobs = await queue.getJobs(filters, limit + 1, offset)
  const page = jobs.slice(0, limit)
  const hasMore = jobs.length > limit
  return { jobs: page.map(jobRow), hasMore, nextCursor: hasMore ? (page.at(-1)?.id ?? null) : null }
}

/**
 * The job that the path names, if who asks may know of it.
 *
 * @throws RequestProblem 400, 404
 */
export async function jobOf(call: Call): Promise<JobRecord> {
  const job = await findJob(call, idOf(call))
  if (job === null) throw notFound('There is no such job.')
  return job
}

async function findJob({ dashboard, access }: Call, id: number): Promise<JobRecord | null> {
  const job = await dashboard.queue.getJob(id)
  return job === null || (access.tenantId !== null && job.tenantId !== access.tenantId) ? null : job
}

async function logsOf(call: Call): Promise<LogLines> {
  const { id } = await jobOf(call)
  const after = numberOf('after', call.query.get('after'), { min: 0, max: Number.MAX_SAFE_INTEGER, or: 0 })
  const limit = numberOf('limit', call.query.get('limit'), { min: 1, max: MAX_LINES, or: MAX_LINES })
  const { lines, dropped } = await call.dashboard.queue.getJobLogs(id, { after, limit })
  return { lines: lines.map((line) => logRow(line, call.dashboard.settings.redact)), dropped }
}

async function graphOf(call: Call): Promise<GraphView> {
  const { id } = await jobOf(call)
  const { tenantId } = call.access
  const graph = await call.dashboard.queue.getJobGraph(id)
  const nodes = graph?.nodes.filter((node) => tenantId === null || node.tenantId === tenantId) ?? []
  const shown = new Set(nodes.map((node) => node.id))
  return {
    nodes: nodes.map((node) => ({ ...node, startedAt: time(node.startedAt), endedAt: time(node.endedAt) })),
    edges: graph?.edges.filter(([job, before]) => shown.has(job) && shown.has(before)) ?? [],
    isCut: graph?.isCut ?? false,
  }
}

async function relationsOf(call: Call): Promise<Relations> {
  const job = await jobOf(call)
  const rowOf = async (id: number | null): Promise<JobRow | null> => {
    const found = id === null ? null : await findJob(call, id)
    return found === null ? null : jobRow(found)
  }
  const ids = (job.dependsOnJobIds ?? []).slice(0, MAX_RELATED)
  const original = originalOf(job.payload)
  const [dependsOn, counts, deadLetter, deadLetterOf] = await Promise.all([
    Promise.all(ids.map(rowOf)),
    ids.length > 0 ? call.dashboard.queue.getBatch(job.id) : null,
    rowOf(job.deadLetterJobId),
    rowOf(original),
  ])
  return {
    dependsOn: dependsOn.filter((row) => row !== null),
    counts,
    deadLetter,
    deadLetterOf: deadLetterOf?.id ?? null,
  }
}

/** The id in the payload of a job that was made of one that failed. */
function originalOf(payload: unknown): number | null {
  if (typeof payload !== 'object' || payload === null || !('originalJob' in payload)) return null
  const { originalJob } = payload
  if (typeof originalJob !== 'object' || originalJob === null || !('id' in originalJob)) return null
  return typeof originalJob.id === 'number' && Number.isSafeInteger(originalJob.id) && originalJob.id > 0
    ? originalJob.id
    : null
}

import { checkInteger, checkText, checkOptions } from './model/check.ts'
import { type FailureSurvey, groupFailures } from './model/failure.ts'
import type { Figures } from './model/figures.ts'
import { validateFilters, type JobFilters } from './model/filters.ts'
import { connectedIds, type GraphNode, type JobGraph } from './model/job-graph.ts'
import type { JobRecord } from './model/job.ts'
import type { LaneRecord } from './model/lane-record.ts'
import { DEFAULTS } from './model/options.ts'
import { payloadSchemaOf } from './model/payload-schema.ts'
import type { StoreVitals } from './model/vitals.ts'
import type { QueueCore } from './queue-core.ts'
import { checkedId } from './queue-reads.ts'
import type { StoreFeatures } from './store/store.ts'

/** A job type as its definition tells it. */
export interface JobDescription {
  readonly jobType: string
  /** What a payload must be, as JSON Schema; `null` if the library of its schema does not tell. */
  readonly payloadSchema: Readonly<Record<string, unknown>> | null
}

/** What an operator looks at. Every call reads a bounded number of rows, whatever the queue holds. */
export interface SurveyMethods<PayloadMap = Record<string, unknown>> {
  /** The ids that `getJobs` would find, without reading the jobs. `limit` 1 to 10,000, default 100. */
  getJobIds(filters?: JobFilters<PayloadMap>, limit?: number): Promise<number[]>
  /**
   * The latest failures, grouped by type, error and the place in the code that they come from. `limit`: how many failures are read,
   * 1 to 10,000, default 2000. On Redis the latest are those of the latest jobs.
   */
  getFailureGroups(options?: {
    readonly jobType?: string | undefined
    readonly tenantId?: string | undefined
    readonly limit?: number | undefined
  }): Promise<FailureSurvey>
  /**
   * Groups and queues in which a job runs, is among the next to run, or waits for its place; most waiting first. `limit`: how many of
   * those with waiting jobs, 1 to 1000, default 200.
   */
  getLanes(options?: {
    readonly tenantId?: string | undefined
    readonly limit?: number | undefined
  }): Promise<LaneRecord[]>
  /**
   * A job with all jobs that it waits, or waited, for and that wait for it, over whatever detour, among those added shortly before and
   * after it; `null` for an unknown job. `limit`: how many jobs, 1 to 500, default 150.
   */
  getJobGraph(id: number, options?: { readonly limit?: number | undefined }): Promise<JobGraph | null>
  /** How many jobs each state holds: counted as far as that is cheap, estimated beyond it. */
  getFigures(): Promise<Figures>
  /** How the database itself is: its size, its oldest transaction, its connections. */
  getVitals(): Promise<StoreVitals>
  /** What the database can do that not every one can, to ask before a call that is refused without it. */
  getFeatures(): Promise<StoreFeatures>
  /** The job types of `jobs` (`defineJobs`); empty without. */
  describeJobs(): JobDescription[]
}

const LANE_OPTIONS = new Set(['tenantId', 'limit'])
const FAILURE_OPTIONS = new Set(['jobType', 'tenantId', 'limit'])
/** How many ids before and after a job are looked at for what belongs to it. */
const GRAPH_WINDOW = 2000
/** A job may wait for 100,000 others; no picture shows so many. */
const MOST_BEFORE = 500

export function surveyMethods({ store, definitions }: QueueCore): SurveyMethods {
  return {
    async getJobIds(filters, limit = DEFAULTS.list.limit) {
      checkInteger('limit', limit, { min: 1, max: 10_000, remedy: 'Leave it out for 100' })
      const filter = validateFilters(filters)
      return [...(await (await store()).listJobIds({ ...filter, limit }))]
    },
    async getFailureGroups(options = {}) {
      checkOptions('options', options, FAILURE_OPTIONS, "{ jobType: 'email' }")
      const { jobType, tenantId, limit = 2000 } = options
      checkInteger('limit', limit, { min: 1, max: 10_000, remedy: 'Leave it out for 2000' })
      if (jobType !== undefined) checkText('jobType', jobType)
      if (tenantId !== undefined) checkText('tenantId', tenantId)
      const wanted = {
        limit: limit + 1,
        ...(jobType !== undefined && { jobType }),
        ...(tenantId !== undefined && { tenantId }),
      }
      const failures = await (await store()).listFailures(wanted)
      const read = failures.slice(0, limit)
      return { groups: groupFailures(read), read: read.length, hasMore: failures.length > limit }
    },
    async getLanes(options = {}) {
      checkOptions('options', options, LANE_OPTIONS, "{ tenantId: 'acme' }")
      const { tenantId, limit = 200 } = options
      checkInteger('limit', limit, { min: 1, max: 1000, remedy: 'Leave it out for 200' })
      if (tenantId !== undefined) checkText('tenantId', tenantId)
      return [...(await (await store()).listLanes({ limit, ...(tenantId !== undefined && { tenantId }) }))]
    },
    async getJobGraph(id, { limit = 150 } = {}) {
      const known = { id: checkedId(id) }
      checkInteger('limit', limit, { min: 1, max: 500, remedy: 'Leave it out for 150' })
      const opened = await store()
      const found = await opened.listEdges({ ...known, window: GRAPH_WINDOW, most: MOST_BEFORE })
      const { ids, isCut } = connectedIds(id, found.edges, limit)
      const jobs = await opened.listJobs({ ids, limit: ids.length })
      if (!jobs.some((job) => job.id === id)) return null
      const there = new Set(jobs.map((job) => job.id))
      const edges = found.edges.filter(([job, before]) => there.has(job) && there.has(before))
      return {
        nodes: jobs.map(graphNode).toSorted((one, other) => one.id - other.id),
        edges: [...new Map(edges.map((edge) => [edge.join(), edge])).values()],
        isCut: isCut || found.isCut,
      }
    },
    getFigures: async () => (await store()).figures(),
    getVitals: async () => (await store()).vitals(),
    getFeatures: async () => (await store()).features,
    describeJobs: () =>
      Object.entries(definitions ?? {}).map(([jobType, { payload }]) => ({
        jobType,
        payloadSchema: payloadSchemaOf(payload),
      })),
  }
}

function graphNode(job: JobRecord): GraphNode {
  const { id, status, progress, startedAt, tenantId, nextAttemptAt } = job
  const isRetrying = status === 'failed' && nextAttemptAt !== null
  const endedAt =
    status === 'completed'
      ? job.completedAt
      : status === 'cancelled'
        ? job.lastCancelledAt
        : status === 'failed' && !isRetrying
          ? job.lastFailedAt
          : null
  return { id, jobType: String(job.jobType), status, isRetrying, progress, startedAt, endedAt, tenantId }
}

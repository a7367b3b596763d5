import type {
  FailureRecord,
  Figure,
  Figures,
  JobRecord,
  LaneRecord,
  ListOptions,
  StoreVitals,
  SurveyStore,
} from 'millrace/store'
import { scripts } from './generated/lua.ts'
import { inspectVerbs, queueStats } from './inspect.ts'
import type { RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

/** How far around a job others that wait for it are looked for: each is read whole. */
const MOST_WINDOW = 500

export function surveyVerbs(instance: RedisInstance): SurveyStore {
  const inspect = inspectVerbs(instance)
  const jobsOf = (options: ListOptions): Promise<readonly JobRecord[]> => inspect.listJobs(options)
  return {
    listJobIds: async (options) => (await jobsOf(options)).map(({ id }) => id),
    async listFailures({ limit, ...filter }) {
      const jobs = await jobsOf({ ...filter, limit, status: 'failed' })
      return jobs.map(failureRecord).toSorted((one, other) => other.failedAt.getTime() - one.failedAt.getTime())
    },
    async listLanes({ limit, tenantId }) {
      const lanes = list(await instance.run(scripts.lanes, [limit])).map((lane) => laneRecord(list(lane)))
      return lanes
        .filter((lane) => tenantId === undefined || lane.tenantId === tenantId)
        .toSorted((one, other) => other.waiting - one.waiting || other.active - one.active)
    },
    async listEdges({ id, window, most }) {
      const near = Math.min(window, MOST_WINDOW)
      const jobs = await jobsOf({ cursor: id + near + 1, limit: 2 * near + 1 })
      const waiting = jobs.filter((job) => job.id >= id - near && job.dependsOnJobIds !== null)
      return {
        edges: waiting.flatMap((job) =>
          (job.dependsOnJobIds ?? []).slice(0, most).map((before) => [job.id, before] as const),
        ),
        isCut: waiting.some(({ dependsOnJobIds }) => (dependsOnJobIds?.length ?? 0) > most),
      }
    },
    async figures() {
      const answer = list(await instance.run(scripts.stats))
      const { byStatus, ...rest } = queueStats(answer)
      const [, , retrying] = answer
      const of = (count: number): Figure => ({ count, isEstimate: false })
      const figures: Figures = {
        pending: of(byStatus.pending),
        processing: of(byStatus.processing),
        waiting: of(byStatus.waiting),
        completed: of(byStatus.completed),
        failed: of(byStatus.failed),
        cancelled: of(byStatus.cancelled),
        ready: of(rest.ready),
        timed: of(rest.timed),
        groupWaiting: of(rest.groupWaiting),
        blocked: of(rest.blocked),
        paused: of(rest.paused),
        retrying: of(integer(retrying)),
        oldestReadyMs: rest.oldestReadyMs,
        workers: rest.workers,
      }
      return figures
    },
    vitals: () => vitals(instance),
  }
}

function failureRecord(job: JobRecord): FailureRecord {
  return {
    id: job.id,
    jobType: String(job.jobType),
    tenantId: job.tenantId,
    failedAt: job.lastFailedAt ?? job.updatedAt,
    isFinal: job.nextAttemptAt === null,
    attempts: job.attempts,
    reason: job.failureReason,
    error: job.errorHistory.at(-1) ?? null,
  }
}

const COUNTED_WAITING = 1000

function laneRecord([key, tenant, limit, active, running, holders, waiting, next]: readonly unknown[]): LaneRecord {
  const isQueue = text(key).startsWith('\u001E')
  const own = text(key).slice(isQueue ? 1 : 0)
  return {
    kind: isQueue ? 'queue' : 'group',
    name: tenant === '' ? own : own.slice(text(tenant).length + 1),
    tenantId: tenant === '' ? null : text(tenant),
    limit: limit === '' ? null : integer(limit),
    active: integer(active),
    running: integer(running),
    holders: list(holders).map(integer),
    waiting: Math.min(integer(waiting), COUNTED_WAITING),
    isWaitingBounded: integer(waiting) > COUNTED_WAITING,
    nextId: next === '' ? null : integer(next),
  }
}

async function vitals(instance: RedisInstance): Promise<StoreVitals> {
  const from = Date.now()
  const [info, time] = await Promise.all([
    instance.command('info', () => instance.client.info()),
    instance.command('time', () => instance.client.time()),
  ])
  const here = (from + Date.now()) / 2
  const value = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const whole = (name: string): number => Number(value(name)) || 0
  return {
    kind: 'redis',
    version: value('redis_version'),
    bytes: whole('used_memory'),
    maxBytes: whole('maxmemory') || null,
    tables: [],
    connections: { used: whole('connected_clients'), max: whole('maxclients') || null },
    oldestTransaction: null,
    xminAge: null,
    clockSkewMs: Math.round(Number(time[0]) * 1000 + Number(time[1]) / 1000 - here),
  }
}

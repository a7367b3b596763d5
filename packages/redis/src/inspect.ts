import type {
  InspectStore,
  JobRecord,
  JobTrail,
  ListOptions,
  QueueStats,
  SearchResult,
  WorkerRecord,
} from 'millrace/store'
import { jobEvents } from 'millrace/store'
import { readFacts } from './explain.ts'
import { filterJson, indexesOf } from './filter.ts'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { Fields, integer, jobRecord, list, text, trailEntries } from './replies.ts'

/** How many jobs of each index one call looks at: a few milliseconds, during which the server does nothing else. */
const BUDGET = 2000

const LONG_MS = 120_000

/** Above every id. */
const NO_CURSOR = Number.MAX_SAFE_INTEGER

export function inspectVerbs(instance: RedisInstance): InspectStore {
  return {
    async getJob({ id }) {
      const [found] = list(await instance.run(scripts.get, [id]))
      return found === undefined ? null : jobRecord(found)
    },
    listJobs: async (options) => (await searchJobs(instance, options, Number.POSITIVE_INFINITY)).jobs,
    searchJobs: (options) => searchJobs(instance, { ...options, offset: 0 }, options.lookAt),
    async listEvents({ id }) {
      const [found] = list(await instance.run(scripts.get, [id]))
      return found === undefined ? [] : jobEvents(trailOf(list(found)))
    },
    async listWorkers() {
      return list(await instance.run(scripts.workers)).map((worker) => workerRecord(list(worker)))
    },
    async stats() {
      return queueStats(list(await instance.run(scripts.stats)))
    },
    facts: ({ id }) => readFacts(instance, id),
    async checkInvariants() {
      const flat = list(await instance.run(scripts.check, [], LONG_MS)).map(text)
      return flat.flatMap((invariant, at) => (at % 2 === 0 ? [{ invariant, detail: flat[at + 1] ?? '' }] : []))
    },
  }
}

/**
 * Each index answers its own newest matches, so a page costs the same whatever the others hold. One call sees all of them at one
 * moment; a filter that few jobs pass takes several calls, and a job that changes its state meanwhile is shown once.
 *
 * @param lookAt - How many jobs of each index are looked at.
 */
async function searchJobs(instance: RedisInstance, options: ListOptions, lookAt: number): Promise<SearchResult> {
  const offset = options.cursor === undefined ? (options.offset ?? 0) : 0
  const most = options.limit + offset
  const found = new Map<number, JobRecord>()
  const filter = filterJson(options)
  let open = indexesOf(options).map((index) => ({ index, cursor: options.cursor ?? NO_CURSOR }))
  for (let looked = 0; open.length > 0 && most > 0 && looked < lookAt; looked += BUDGET) {
    const args = open.flatMap(({ index, cursor }) => [index, cursor])
    const answers = list(await instance.run(scripts.list, [filter, most, Math.min(BUDGET, lookAt - looked), ...args]))
    open = open.flatMap(({ index }, at) => {
      const [next, jobs] = list(answers[at])
      for (const job of list(jobs).map(jobRecord)) found.set(job.id, job)
      return next === '' ? [] : [{ index, cursor: integer(next) }]
    })
    // What is left in an index is older than its cursor: once enough newer ones are known, the page is complete.
    const oldest = [...found.keys()].toSorted((a, b) => b - a)[most - 1]
    if (oldest !== undefined) open = open.filter(({ cursor }) => cursor > oldest)
  }
  // Below the highest cursor one index may have what is older than what another has shown already.
  const searchedTo = open.length === 0 ? null : Math.max(...open.map(({ cursor }) => cursor))
  const seen = [...found.values()].filter(({ id }) => searchedTo === null || id >= searchedTo)
  const jobs = seen.toSorted((a, b) => b.id - a.id).slice(offset, most)
  return { jobs, searchedTo: jobs.length >= options.limit ? null : searchedTo }
}

function trailOf([id, flat, trail]: readonly unknown[]): JobTrail {
  const fields = new Fields(flat)
  const lane = fields.text('l')
  return {
    jobId: integer(id),
    jobType: fields.text('n'),
    createdAt: new Date(integer(fields.text('c'))),
    attempt: fields.number('a', 0),
    claimedAt: fields.dateOrNull('cl'),
    workerId: fields.textOrNull('by'),
    finishedAt: fields.dateOrNull('fin'),
    dropped: fields.number('ld', 0),
    entries: trailEntries(trail),
    current: lane === 'x' ? 'running' : lane === 'k' ? 'completed' : 'none',
    tags: fields.stringsOrNull('tg') ?? undefined,
    idempotencyKey: fields.textOrNull('ik') ?? undefined,
    deadLetterJobId: fields.numberOrNull('dli') ?? undefined,
  }
}

function workerRecord([, expiresAt, running, flat]: readonly unknown[]): WorkerRecord {
  const fields = new Fields(flat)
  return {
    workerId: fields.text('workerId'),
    host: fields.text('host'),
    pid: integer(fields.text('pid')),
    version: fields.text('version'),
    concurrency: integer(fields.text('concurrency')),
    groupConcurrency: fields.numberOrNull('groupConcurrency'),
    jobTypes: fields.stringsOrNull('jobTypes'),
    startedAt: new Date(integer(fields.text('startedAt'))),
    lastSeenAt: new Date(integer(fields.text('lastSeenAt'))),
    expiresAt: new Date(integer(expiresAt)),
    running: integer(running),
  }
}

/** From what the script `stats` answers. */
export function queueStats(answer: readonly unknown[]): QueueStats {
  const count = (at: number): number => integer(answer[at])
  const [live, processing, between] = [count(0), count(1), count(2)]
  const [ready, timed, groupWaiting] = [count(6), count(7), count(8)]
  const [oldest, workers, waiting, untimed, paused] = answer.slice(9)
  return {
    byStatus: {
      pending: live - processing - between - integer(waiting),
      processing,
      completed: count(3),
      failed: count(4) + between,
      cancelled: count(5),
      waiting: integer(waiting),
    },
    ready,
    timed,
    groupWaiting,
    blocked: live - processing - ready - timed - groupWaiting - integer(untimed) - integer(paused),
    paused: integer(paused),
    oldestReadyMs: oldest === '' ? null : integer(oldest),
    workers: integer(workers),
  }
}

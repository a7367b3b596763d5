import { checkInteger, checkOptions } from './model/check.ts'
import { explain } from './model/explain.ts'
import { validateFilters } from './model/filters.ts'
import type { JobRecord } from './model/job.ts'
import { DEFAULTS } from './model/options.ts'
import type { JobQueue, SearchJobsOptions } from './queue-api.ts'
import type { QueueCore } from './queue-core.ts'

type Reads = Pick<
  JobQueue,
  | 'getJob'
  | 'getJobs'
  | 'searchJobs'
  | 'getJobsByStatus'
  | 'getAllJobs'
  | 'getJobsByTags'
  | 'getJobEvents'
  | 'getWorkers'
  | 'getStats'
  | 'explain'
  | 'checkInvariants'
>

const SEARCH_OPTIONS: ReadonlySet<string> = new Set<keyof SearchJobsOptions>(['limit', 'lookAt'])

/** The methods that read. Input is checked before the store is opened: bad input is refused though no server is there. */
export function readMethods({ store }: QueueCore): Reads {
  const list = async (filters: unknown, limit: number = DEFAULTS.list.limit, offset: number = DEFAULTS.list.offset) => {
    checkInteger('limit', limit, { min: 1, max: 10_000, remedy: 'Leave it out for 100' })
    checkInteger('offset', offset, { min: 0, max: Number.MAX_SAFE_INTEGER, remedy: 'Leave it out for 0' })
    const filter = validateFilters(filters)
    return typed([...(await (await store()).listJobs({ ...filter, limit, offset }))])
  }
  return {
    async getJob(id) {
      const known = { id: checkedId(id) }
      return typed(await (await store()).getJob(known))
    },
    getJobs: (filters, limit, offset) => list(filters, limit, offset),
    async searchJobs(filters, options = {}) {
      checkOptions('options', options, SEARCH_OPTIONS, '{ limit: 50 }')
      const { limit = DEFAULTS.list.limit, lookAt = 20_000 } = options
      checkInteger('limit', limit, { min: 1, max: 1000, remedy: 'Leave it out for 100' })
      checkInteger('lookAt', lookAt, { min: 100, max: 1_000_000, remedy: 'Leave it out for 20,000' })
      const filter = validateFilters(filters)
      const found = await (await store()).searchJobs({ ...filter, limit: limit + 1, lookAt })
      const jobs = found.jobs.slice(0, limit)
      const last = found.jobs.length > limit ? jobs.at(-1) : undefined
      return { jobs: typed(jobs), nextCursor: last?.id ?? found.searchedTo }
    },
    getJobsByStatus: (status, limit, offset) => list({ status }, limit, offset),
    getAllJobs: (limit, offset) => list(undefined, limit, offset),
    getJobsByTags: (tags, mode, limit, offset) => list({ tags: { values: tags, mode } }, limit, offset),
    async getJobEvents(id) {
      const known = { id: checkedId(id) }
      return [...(await (await store()).listEvents(known))]
    },
    getWorkers: async () => [...(await (await store()).listWorkers())],
    getStats: async () => (await store()).stats(),
    async explain(id) {
      const known = { id: checkedId(id) }
      return explain(id, await (await store()).facts(known))
    },
    checkInvariants: async () => (await store()).checkInvariants(),
  }
}

/**
 * Whoever reads a job says of which type it is; the store cannot know. The one place where a stored record gets the type
 * that its caller believes in.
 */
function typed<Stored extends JobRecord | readonly JobRecord[] | null>(stored: Stored): never {
  return stored as never
}

/** @throws MillraceError `OPTION_INVALID` */
export function checkedId(id: number): number {
  checkInteger('id', id, {
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    remedy: 'Pass the number that `addJob` resolved with',
  })
  return id
}

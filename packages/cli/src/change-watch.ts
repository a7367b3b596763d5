import type { JobFilters, JobQueue, JobRecord } from 'millrace'

export interface SeenChange {
  readonly kind: 'added' | 'changed'
  readonly job: JobRecord
}

/**
 * What has changed from one look to the next, among the newest jobs and those that run. Reads only: it sees what is there when it
 * looks, so of two changes between two looks it reports the last.
 */
export class ChangeWatch {
  readonly #queue: JobQueue
  readonly #filters: JobFilters
  readonly #limit: number
  #seen: ReadonlyMap<number, JobRecord> = new Map()
  #newestId = 0

  /** @param limit - How many of the newest jobs it watches, 1 to 10,000. */
  constructor(queue: JobQueue, filters: JobFilters, limit: number) {
    this.#queue = queue
    this.#filters = filters
    this.#limit = limit
  }

  /** Oldest id first. The first look finds what is there, and reports all of it. */
  async look(): Promise<readonly SeenChange[]> {
    const before = this.#seen
    const newestBefore = this.#newestId
    const now = await this.#read()
    const left = [...before.values()].filter(({ id, status }) => status === 'processing' && !now.has(id))
    const ended = await Promise.all(left.map(({ id }) => this.#queue.getJob(id)))
    this.#seen = now
    for (const id of now.keys()) this.#newestId = Math.max(this.#newestId, id)
    return [...now.values(), ...ended.filter((job) => job !== null)]
      .filter((job) => job.id > newestBefore || isNews(job, before.get(job.id)))
      .map((job): SeenChange => ({ kind: job.id > newestBefore ? 'added' : 'changed', job }))
      .toSorted((a, b) => a.job.id - b.job.id)
  }

  async #read(): Promise<ReadonlyMap<number, JobRecord>> {
    const [newest, running] = await Promise.all([
      this.#queue.getJobs(this.#filters, this.#limit),
      this.#queue.getJobs({ ...this.#filters, status: 'processing' }, this.#limit),
    ])
    // The newest last: of one that is in both, as one moves while the two are read, the general list has the last word.
    return new Map([...running, ...newest].map((job) => [job.id, job]))
  }
}

/** Of a job that is not new. */
function isNews(job: JobRecord, before: JobRecord | undefined): boolean {
  // An old one that comes into view because newer ones were deleted has not changed.
  if (before === undefined) return job.status === 'processing'
  return job.status !== before.status || job.attempts !== before.attempts || job.updatedAt > before.updatedAt
}

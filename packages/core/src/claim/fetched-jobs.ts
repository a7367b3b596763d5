import type { ClaimedJob } from '../store/claim.ts'

/** Jobs that a worker holds a lease on and has not started, in the order they must start. */
export class FetchedJobs {
  #jobs: ClaimedJob[] = []

  get size(): number {
    return this.#jobs.length
  }

  get tokens(): number[] {
    return this.#jobs.map(({ token }) => token)
  }

  has(id: number): boolean {
    return this.#jobs.some((job) => job.id === id)
  }

  /** A claim brought these, in its order; a later claim may bring what must start before what an earlier one brought. */
  add(jobs: readonly ClaimedJob[]): void {
    const isInOrder = isBefore(this.#jobs.at(-1), jobs[0])
    this.#jobs = this.#jobs.length === 0 ? [...jobs] : this.#jobs.concat(jobs)
    if (!isInOrder) this.#jobs.sort((a, b) => b.priority - a.priority || a.readySeq - b.readySeq)
  }

  /** The next `count` jobs, which are no longer held here. */
  take(count: number): readonly ClaimedJob[] {
    if (count <= 0 || this.#jobs.length === 0) return NONE
    if (count >= this.#jobs.length) return this.takeAll()
    // One after the other is the rule at speed, and a shift is made for that; a splice would copy the rest.
    if (count > 1) return this.#jobs.splice(0, count)
    const job = this.#jobs.shift()
    return job === undefined ? NONE : [job]
  }

  takeAll(): readonly ClaimedJob[] {
    const jobs = this.#jobs
    this.#jobs = []
    return jobs
  }

  /** This one attempt, if it has not started. */
  remove(id: number, token: number): ClaimedJob | undefined {
    const at = this.#jobs.findIndex((job) => job.id === id && job.token === token)
    return at < 0 ? undefined : this.#jobs.splice(at, 1)[0]
  }
}

const NONE: readonly ClaimedJob[] = []

function isBefore(a: ClaimedJob | undefined, b: ClaimedJob | undefined): boolean {
  if (a === undefined || b === undefined) return true
  return a.priority > b.priority || (a.priority === b.priority && a.readySeq <= b.readySeq)
}

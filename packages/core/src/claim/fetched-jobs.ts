import type { ClaimedJob } from '../store/claim.ts'

/** Jobs that a worker holds a lease on and has not started, in the order they must start. */
export class FetchedJobs {
  /** The next one is the last of them: taking it moves none of the others, and keeps hold of nothing. */
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
    const isInOrder = isBefore(this.#jobs[0], jobs[0])
    const added = jobs.toReversed()
    this.#jobs = this.#jobs.length === 0 ? added : added.concat(this.#jobs)
    if (!isInOrder) this.#jobs.sort((a, b) => a.priority - b.priority || b.readySeq - a.readySeq)
  }

  /** The next job, which is no longer held here. */
  takeNext(): ClaimedJob | undefined {
    return this.#jobs.pop()
  }

  takeAll(): readonly ClaimedJob[] {
    const jobs = this.#jobs.reverse()
    this.#jobs = []
    return jobs
  }

  /** This one attempt, if it has not started. */
  remove(id: number, token: number): ClaimedJob | undefined {
    const at = this.#jobs.findIndex((job) => job.id === id && job.token === token)
    return at < 0 ? undefined : this.#jobs.splice(at, 1)[0]
  }
}

function isBefore(a: ClaimedJob | undefined, b: ClaimedJob | undefined): boolean {
  if (a === undefined || b === undefined) return true
  return a.priority > b.priority || (a.priority === b.priority && a.readySeq <= b.readySeq)
}

import { systemClock, type Timer } from '../model/clock.ts'
import type { JobRecord } from '../model/job.ts'
import type { JobQueue } from '../queue-api.ts'

/** Told how a job stands, and `null` once there is no such job any more. */
export type JobListener<PayloadMap> = (job: JobRecord<PayloadMap> | null) => void

/**
 * Reads the jobs that somebody follows, all of them with one statement each interval, whatever process works on them. Nothing is read
 * while nobody follows any.
 */
export class JobFollower<PayloadMap> {
  readonly #queue: JobQueue<PayloadMap>
  readonly #intervalMs: number
  readonly #listeners = new Map<number, Set<JobListener<PayloadMap>>>()
  #timer: Timer | null = null
  #isReading = false

  constructor(queue: JobQueue<PayloadMap>, intervalMs: number) {
    this.#queue = queue
    this.#intervalMs = intervalMs
  }

  /** @returns Ends it. */
  follow(id: number, listener: JobListener<PayloadMap>): () => void {
    const listeners = this.#listeners.get(id) ?? new Set()
    this.#listeners.set(id, listeners)
    listeners.add(listener)
    if (this.#timer === null && !this.#isReading) this.#readLater()
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(id)
      if (this.#listeners.size > 0) return
      this.#timer?.cancel()
      this.#timer = null
    }
  }

  #readLater(): void {
    this.#timer = systemClock.after(this.#intervalMs, () => {
      this.#timer = null
      void this.#read()
    })
  }

  async #read(): Promise<void> {
    this.#isReading = true
    const ids = [...this.#listeners.keys()]
    try {
      const jobs = await this.#queue.getJobs({ ids }, ids.length)
      const found = new Map(jobs.map((job) => [job.id, job]))
      for (const id of ids) {
        for (const listener of this.#listeners.get(id) ?? []) listener(found.get(id) ?? null)
      }
    } catch {
      // Whoever follows is not told that nothing is known now; the next reading tells what has become of it.
    }
    this.#isReading = false
    if (this.#listeners.size > 0) this.#readLater()
  }
}

import type { Figures } from 'millrace'
import type { Sample } from './wire.ts'

const SHORTEST_MS = 1000
/** Reading the counts costs the database at most this share of the time, however many look. */
const SHARE = 20
const MAX_SAMPLES = 900
/** More than a line on a screen shows. */
const MAX_SHOWN = 180

/**
 * Reads the counts of all jobs, not too often, and remembers what they were. Nothing runs while nobody looks: a request is
 * what makes it read.
 */
export class Sampler {
  readonly #read: () => Promise<Figures>
  readonly #samples: Sample[] = []
  #latest: { readonly stats: Figures; readonly at: number; readonly staleAt: number } | null = null
  #reading: Promise<Figures> | null = null

  constructor(read: () => Promise<Figures>) {
    this.#read = read
  }

  /** Of this moment, or from shortly before; those who ask at once share one reading. */
  async stats(): Promise<Figures> {
    if (this.#latest !== null && Date.now() < this.#latest.staleAt) return this.#latest.stats
    this.#reading ??= this.#take()
    return this.#reading
  }

  /** Oldest first, spread evenly over the whole time, the latest always among them. */
  samples(): readonly Sample[] {
    const each = Math.ceil(this.#samples.length / MAX_SHOWN)
    return this.#samples.filter((_, at) => (this.#samples.length - 1 - at) % each === 0)
  }

  async #take(): Promise<Figures> {
    const startedAt = performance.now()
    try {
      const stats = await this.#read()
      const at = Date.now()
      this.#latest = { stats, at, staleAt: at + Math.max(SHORTEST_MS, (performance.now() - startedAt) * SHARE) }
      this.#samples.push({ at, completed: stats.completed.count, ready: stats.ready.count })
      if (this.#samples.length > MAX_SAMPLES) this.#samples.shift()
      return stats
    } finally {
      this.#reading = null
    }
  }
}

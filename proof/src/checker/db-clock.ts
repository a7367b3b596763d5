import type { EventOf, Recorded } from '../history/event.ts'

/**
 * What the database's clock may have shown at a moment of the monotonic clock, by the readings before and after it. A
 * reading leaves open when between question and answer it was taken, and a clock may be set between two readings, so the
 * answer is a range.
 */
export class DbClock {
  readonly #readings: readonly Recorded<EventOf<'db-clock'>>[]
  /** Whether it was never set back. */
  readonly #onlyGrows: boolean

  constructor(readings: readonly Recorded<EventOf<'db-clock'>>[]) {
    this.#readings = readings
    this.#onlyGrows = readings.every(({ dbMs }, index) => dbMs >= (readings[index - 1]?.dbMs ?? -Infinity))
  }

  get isKnown(): boolean {
    return this.#readings.length > 0
  }

  earliest(at: number): number {
    return at + Math.min(...this.#around(at).map((reading) => reading.dbMs - reading.at))
  }

  latest(at: number): number {
    return at + Math.max(...this.#around(at).map((reading) => reading.dbMs - reading.sentAt))
  }

  /** The earliest moment at which the database's clock certainly shows `dbMs` or more. */
  certainlyAt(dbMs: number): number {
    const last = this.#lastUpTo(dbMs) ?? this.#readings[0]
    return last === undefined ? Infinity : dbMs - (last.dbMs - last.at)
  }

  /** The last reading that showed no more than `dbMs`. */
  #lastUpTo(dbMs: number): Recorded<EventOf<'db-clock'>> | undefined {
    if (!this.#onlyGrows) return this.#readings.findLast((reading) => reading.dbMs <= dbMs)
    return this.#readings[this.#countWhile((reading) => reading.dbMs <= dbMs) - 1]
  }

  #around(at: number): readonly Recorded<EventOf<'db-clock'>>[] {
    const next = this.#countWhile((reading) => reading.at < at)
    return this.#readings.slice(Math.max(0, next - 1), next + 1)
  }

  /** How many readings of the beginning pass a test that no later one passes. */
  #countWhile(passes: (reading: Recorded<EventOf<'db-clock'>>) => boolean): number {
    let low = 0
    let high = this.#readings.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const reading = this.#readings[middle]
      if (reading !== undefined && passes(reading)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/**
 * What the database's clock may have shown at a moment of the monotonic clock, by the readings before and after it. A
 * reading leaves open when between question and answer it was taken, and a clock may be set between two readings, so the
 * answer is a range.
 */
export class DbClock {
  #readings
  constructor(readings) {
    this.#readings = readings
  }
  get isKnown() {
    return this.#readings.length > 0
  }
  earliest(at) {
    return at + Math.min(...this.#around(at).map((reading) => reading.dbMs - reading.at))
  }
  latest(at) {
    return at + Math.max(...this.#around(at).map((reading) => reading.dbMs - reading.sentAt))
  }
  /** The earliest moment at which the database's clock certainly shows `dbMs` or more. */
  certainlyAt(dbMs) {
    const last = this.#readings.findLast((reading) => reading.dbMs <= dbMs) ?? this.#readings[0]
    return last === undefined ? Infinity : dbMs - (last.dbMs - last.at)
  }
  #around(at) {
    let low = 0
    let high = this.#readings.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#readings[middle]?.at ?? Infinity) < at) low = middle + 1
      else high = middle
    }
    return this.#readings.slice(Math.max(0, low - 1), low + 1)
  }
}
//# sourceMappingURL=db-clock.js.map

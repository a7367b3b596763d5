/** Stretches of time in order and apart from each other, searched by halving. */
export class Spans {
  all
  /** @param bridge - Stretches no further apart than this count as one. */
  constructor(spans, bridge = 0) {
    const merged = []
    for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
      const last = merged.at(-1)
      if (last !== undefined && from <= last.to + bridge) last.to = Math.max(last.to, to)
      else merged.push({ from, to })
    }
    this.all = merged
  }
  intersects(from, to) {
    const first = this.#firstEndingFrom(from)
    return first !== undefined && first.from <= to
  }
  /** Those that touch the window, whole. */
  within(from, to) {
    const start = this.#indexEndingFrom(from)
    let end = start
    while (end < this.all.length && (this.all[end]?.from ?? Infinity) <= to) end++
    return this.all.slice(start, end)
  }
  /** The first moment from `at` on that begins a stretch of `length` free of all of them. */
  firstFree(at, length) {
    let start = at
    for (let index = this.#indexEndingFrom(at); index < this.all.length; index++) {
      const span = this.all[index]
      if (span === undefined || span.from > start + length) break
      start = Math.max(start, span.to)
    }
    return start
  }
  #firstEndingFrom(at) {
    return this.all[this.#indexEndingFrom(at)]
  }
  #indexEndingFrom(at) {
    let low = 0
    let high = this.all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.all[middle]?.to ?? Infinity) < at) low = middle + 1
      else high = middle
    }
    return low
  }
}
//# sourceMappingURL=spans.js.map

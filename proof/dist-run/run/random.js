/**
 * A sequence of numbers that its seed repeats (Mulberry32). Everything that a run decides by chance is drawn from one of
 * these, so that the same seed gives the same load and the same faults.
 */
export class Random {
  #state
  /** @param seed - Any whole number; only its low 32 bits count. */
  constructor(seed) {
    this.#state = seed | 0
  }
  /** Uniform in `[0, 1)`. */
  next() {
    this.#state = (this.#state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  /** A whole number from `least` to `most`, both included. */
  integer(least, most) {
    return least + Math.floor(this.next() * (most - least + 1))
  }
  chance(probability) {
    return this.next() < probability
  }
  /** @throws RangeError if there is nothing to pick from. */
  pick(items) {
    const item = items[Math.floor(this.next() * items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }
  /** One of `items`, each as often as its weight says. */
  weighted(items) {
    let dice = this.next() * items.reduce((sum, [weight]) => sum + weight, 0)
    const found = items.find(([weight]) => (dice -= weight) < 0) ?? items.at(-1)
    if (found === undefined) throw new RangeError('nothing to pick from')
    return found[1]
  }
  /** A generator of its own, so that what one part draws does not shift what another part gets. */
  fork() {
    return new Random(Math.floor(this.next() * 4_294_967_296))
  }
}
//# sourceMappingURL=random.js.map

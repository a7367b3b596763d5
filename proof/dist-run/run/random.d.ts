/**
 * A sequence of numbers that its seed repeats (Mulberry32). Everything that a run decides by chance is drawn from one of
 * these, so that the same seed gives the same load and the same faults.
 */
export declare class Random {
  #private
  /** @param seed - Any whole number; only its low 32 bits count. */
  constructor(seed: number)
  /** Uniform in `[0, 1)`. */
  next(): number
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number
  chance(probability: number): boolean
  /** @throws RangeError if there is nothing to pick from. */
  pick<T>(items: readonly T[]): T
  /** One of `items`, each as often as its weight says. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T
  /** A generator of its own, so that what one part draws does not shift what another part gets. */
  fork(): Random
}
//# sourceMappingURL=random.d.ts.map

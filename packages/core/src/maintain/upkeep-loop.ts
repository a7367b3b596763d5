import type { Clock, Timer } from '../model/clock.ts'
import { runTask, type TaskSurroundings } from './task.ts'

/** Partitions are made three days ahead, so a missed turn or a hundred does no harm. */
const EVERY_MS = 600_000

/** Not at once: many processes may start together, and most of them have nothing to do. */
const FIRST_MS = 30_000

/**
 * The upkeep that every background processor does beside its work: history partitions for the days ahead, and the nets
 * under what a crash may have left. It deletes no job; that takes a supervisor which was asked to.
 */
export class UpkeepLoop {
  readonly #clock: Clock
  readonly #surroundings: TaskSurroundings
  #timer: Timer | undefined
  /** New at every start, so that a turn which outlasts a stop does not go on beside its successor. */
  #current: object | undefined

  constructor(surroundings: TaskSurroundings) {
    this.#clock = surroundings.clock
    this.#surroundings = surroundings
  }

  start(): void {
    if (this.#current !== undefined) return
    this.#current = {}
    this.#arm(FIRST_MS, this.#current)
  }

  stop(): void {
    this.#current = undefined
    this.#timer?.cancel()
  }

  #arm(delayMs: number, current: object): void {
    this.#timer = this.#clock.after(delayMs * (0.5 + this.#clock.random()), () => void this.#turn(current), {
      keepAlive: false,
    })
  }

  async #turn(current: object): Promise<void> {
    await runTask({ name: 'upkeep', work: (store) => store.upkeep().then(() => 0) }, this.#surroundings)
    if (this.#current === current) this.#arm(EVERY_MS, current)
  }
}

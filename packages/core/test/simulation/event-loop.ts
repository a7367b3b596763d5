import { turn } from '../../src/testing/gate.ts'
import type { Random } from './random.ts'

interface Scheduled {
  readonly at: number
  /** Drawn at random: what is due at the same moment runs in an order that the seed decides. */
  readonly tie: number
  readonly callback: () => void
  isCancelled: boolean
}

/** Thrown when a simulation does not come to an end. */
export class TooManySteps extends Error {}

/**
 * Time for a whole simulation. Nothing moves by itself: the earliest event is taken, the clock jumps to it, it runs, and
 * every promise that can settle because of it does so before the next one is taken.
 *
 * A turn of the real event loop is what separates two events. The queues of promises and of `nextTick` are empty after
 * it however long their chains are, provided that nobody waits for input or output, and nobody here does.
 */
export class EventLoop {
  readonly #random: Random
  readonly #maxSteps: number
  readonly #heap: Scheduled[] = []
  #now = 0
  #steps = 0

  constructor(random: Random, options: { readonly maxSteps: number }) {
    this.#random = random
    this.#maxSteps = options.maxSteps
  }

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now
  }

  get steps(): number {
    return this.#steps
  }

  /** Calls `callback` in `delayMs`; the answer takes it back. */
  after(delayMs: number, callback: () => void): () => void {
    const event = { at: this.#now + Math.max(0, delayMs), tie: this.#random.next(), callback, isCancelled: false }
    this.#push(event)
    return () => {
      event.isCancelled = true
    }
  }

  /** Resolves after `delayMs` of simulated time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve)
    })
  }

  /**
   * Runs events until `isOver` says so, the time is `until`, or nothing is left to happen.
   *
   * @returns Whether `isOver` said so.
   */
  async run(until: number, isOver: () => boolean): Promise<boolean> {
    await turn()
    while (!isOver()) {
      const next = this.#peek()
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until)
        return false
      }
      this.#pop()
      this.#now = next.at
      this.#steps += 1
      if (this.#steps > this.#maxSteps) throw new TooManySteps(`more than ${this.#maxSteps} steps`)
      next.callback()
      await turn()
    }
    return true
  }

  #peek(): Scheduled | undefined {
    while (this.#heap[0]?.isCancelled === true) this.#pop()
    return this.#heap[0]
  }

  #push(event: Scheduled): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const [leftEvent, rightEvent] = [heap[left], heap[right]]
      if (leftEvent === undefined) break
      const child = rightEvent !== undefined && isBefore(rightEvent, leftEvent) ? right : left
      const below = heap[child]
      if (below === undefined || !isBefore(below, last)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.at < right.at || (left.at === right.at && left.tie < right.tie)
}

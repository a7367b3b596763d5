import type { Clock, Timer } from '../../src/model/clock.ts'
import type { EventLoop } from './event-loop.ts'
import type { Random } from './random.ts'

/** When the simulated world begins, as its database tells the time. */
export const EPOCH = Date.UTC(2026, 0, 1)

/**
 * One operating-system process of the simulation, as the clock that everything in it uses. It can be killed (nothing in
 * it happens any more) and stalled (everything in it happens later, as after SIGSTOP or in a handler that blocks).
 */
export class SimulatedProcess implements Clock {
  readonly name: string
  readonly #loop: EventLoop
  readonly #random: Random
  /** Its monotonic clock starts anywhere, and runs a little fast or slow. */
  readonly #startsAt: number
  readonly #rate: number
  /** Its wall clock is wrong by this much. */
  readonly #skewMs: number
  readonly #timers = new Set<object>()
  #isDead = false
  #stalledUntil = 0

  constructor(name: string, loop: EventLoop, random: Random) {
    this.name = name
    this.#loop = loop
    this.#random = random
    this.#startsAt = random.between(0, 1e6)
    this.#rate = random.between(0.99, 1.01)
    this.#skewMs = random.pick([0, 0, 3_600_000, -3_600_000])
  }

  get isAlive(): boolean {
    return !this.#isDead
  }

  /** Timers that would still fire; 0 once everything in it has been stopped. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  get stalledUntil(): number {
    return this.#stalledUntil
  }

  kill(): void {
    this.#isDead = true
    this.#timers.clear()
  }

  stall(untilMs: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, untilMs)
  }

  /** Runs `callback` in this process, in `delayMs` of the simulation's time or when it moves again. Never in a dead one. */
  deliver(delayMs: number, callback: () => void): () => void {
    let cancel: () => void = () => undefined
    const arrive = (): void => {
      if (this.#isDead) return
      if (this.#stalledUntil > this.#loop.now) cancel = this.#loop.after(this.#stalledUntil - this.#loop.now, arrive)
      else callback()
    }
    cancel = this.#loop.after(delayMs, arrive)
    return () => cancel()
  }

  now(): number {
    return this.#startsAt + this.#loop.now * this.#rate
  }

  date(): Date {
    return new Date(EPOCH + this.#loop.now + this.#skewMs)
  }

  random(): number {
    return this.#random.next()
  }

  soon(callback: () => void): void {
    this.deliver(0, callback)
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = {}
    this.#timers.add(timer)
    // A timer is never early, and a little late as a rule.
    const lateMs = this.#random.chance(0.1) ? this.#random.delay(5) : 0
    const cancel = this.deliver(Math.max(0, delayMs) / this.#rate + 0.001 + lateMs, () => {
      this.#timers.delete(timer)
      callback()
    })
    return {
      cancel: () => {
        this.#timers.delete(timer)
        cancel()
      },
    }
  }
}

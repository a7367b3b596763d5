import { MillraceError, type ErrorDetails, type MillraceErrorCode } from '../../src/errors.ts'
import type { EventLoop } from './event-loop.ts'
import type { History } from './history.ts'
import type { SimulatedProcess } from './process.ts'
import type { Random } from './random.ts'

/** How often what goes wrong, as shares of all calls. */
export interface FaultRates {
  /** Refused with a typed error; nothing happened. */
  readonly refused: number
  /** The request is lost: nothing happened, and the caller cannot know. */
  readonly requestLost: number
  /** The reply is lost: it took effect, and the caller cannot know. */
  readonly replyLost: number
  /** The caller is told that the connection broke, and it takes effect after that. */
  readonly late: number
  /** It takes effect twice. */
  readonly duplicated: number
  /** Answered after seconds. */
  readonly slow: number
}

export const NO_FAULTS: FaultRates = { refused: 0, requestLost: 0, replyLost: 0, late: 0, duplicated: 0, slow: 0 }

/** What a call allows the network to do with it. */
export interface CallTraits {
  readonly verb: string
  /**
   * Whether it may take effect after its caller was told that it failed. Not so for adds: the caller of an add looks for it
   * and repeats it, and an effect after that look is a second job (see docs/internals/simulation.md).
   */
  readonly mayBeLate: boolean
  /** Whether doing it twice is the same as doing it once, by contract. */
  readonly isRepeatable: boolean
}

/** A driver gives up on a statement after this long. */
const STATEMENT_LIMIT_MS = 30_000
const CONNECT_LIMIT_MS = 10_000

/** What befalls the database for everybody. */
export interface Server {
  downUntil: number
  /** Somebody took a privilege away, and gives it back. */
  deniedUntil: number
}

interface Carried<T> {
  readonly effect: () => T
  readonly succeed: (delayMs: number, value: T) => void
  readonly fail: (delayMs: number, error: MillraceError) => void
}

type Fate = 'ok' | keyof FaultRates | 'cut off' | 'server down' | 'denied'

/** One process's way to the store: a pool of connections, and a network that a seed makes unreliable. */
export class Network {
  rates: FaultRates
  readonly #process: SimulatedProcess
  readonly #loop: EventLoop
  readonly #random: Random
  readonly #history: History
  readonly #server: Server
  readonly #latencyMs: number
  #cutOffUntil = 0
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(options: {
    readonly process: SimulatedProcess
    readonly loop: EventLoop
    readonly random: Random
    readonly history: History
    readonly server: Server
    readonly rates: FaultRates
    readonly latencyMs: number
    readonly connections: number
  }) {
    this.rates = options.rates
    this.#process = options.process
    this.#loop = options.loop
    this.#random = options.random
    this.#history = options.history
    this.#server = options.server
    this.#latencyMs = options.latencyMs
    this.#free = options.connections
  }

  cutOff(untilMs: number): void {
    this.#cutOffUntil = Math.max(this.#cutOffUntil, untilMs)
  }

  heal(): void {
    this.rates = NO_FAULTS
    this.#cutOffUntil = this.#loop.now
  }

  get isCutOff(): boolean {
    return this.#cutOffUntil > this.#loop.now
  }

  /** Sends one statement. `effect` runs at the store; the promise settles in the process that asked. */
  async call<T>(traits: CallTraits, effect: () => T): Promise<T> {
    await this.#connection()
    return await new Promise<T>((resolve, reject) => {
      const answers: (() => void)[] = []
      // The first of them is the answer.
      const answer = (delayMs: number, settle: () => void): void => {
        const arrive = (): void => {
          for (const cancel of answers) cancel()
          this.#giveBack()
          settle()
        }
        answers.push(this.#process.deliver(delayMs, arrive))
      }
      const fate = this.#fate(traits)
      this.#history.add({ kind: 'call', process: this.#process.name, verb: traits.verb, fate })
      const fail = (delayMs: number, error: MillraceError): void => answer(delayMs, () => reject(error))
      const succeed = (delayMs: number, value: T): void => answer(delayMs + this.#heldUp(), () => resolve(value))
      // The driver's own limit, whatever else happens.
      fail(STATEMENT_LIMIT_MS, timedOut())
      this.#carryOut(fate, { effect, succeed, fail })
    })
  }

  #carryOut<T>(
    fate: Fate,
    {
      effect,
      succeed,
      fail,
    }: {
      effect: () => T
      succeed: (delayMs: number, value: T) => void
      fail: (delayMs: number, error: MillraceError) => void
    },
  ): void {
    const random = this.#random
    const there = random.delay(this.#latencyMs)
    const back = random.delay(this.#latencyMs)
    const at = (delayMs: number, run: () => void): void => void this.#loop.after(delayMs, run)
    // Soon, as when a socket is reset, or never, so that the limit of the driver has to notice.
    const lost = (): void => {
      if (random.chance(0.8)) fail(there + random.delay(50), connectionLost())
    }
    switch (fate) {
      case 'ok':
        at(there, () => succeed(back, effect()))
        break
      case 'slow':
        at(there + random.between(0, 2500), () => succeed(random.between(0, 2500), effect()))
        break
      case 'refused':
        fail(there + back, refusal(random))
        break
      case 'server down':
        fail(there, unavailable('57P03', 'none'))
        break
      case 'denied':
        fail(there + back, failure('STORE_FAILED', { outcome: 'none', isTransient: false, storeCode: '42501' }))
        break
      case 'requestLost':
        lost()
        break
      case 'replyLost':
        at(there, () => {
          effect()
          lost()
        })
        break
      case 'late':
        fail(there, connectionLost())
        at(there + random.delay(4000), effect)
        break
      case 'duplicated':
        at(there, () => succeed(back, effect()))
        at(there + random.delay(2000), effect)
        break
      case 'cut off':
        // Refused by time, swallowed, or parked on the way until the network is mended.
        this.#loseWay(random.pick(['time out', 'time out', 'park', 'swallow']), { effect, succeed, fail })
        break
    }
  }

  #loseWay<T>(how: 'time out' | 'park' | 'swallow', { effect, succeed, fail }: Carried<T>): void {
    const untilMended = this.#cutOffUntil - this.#loop.now
    if (how === 'time out') fail(this.#random.between(1000, CONNECT_LIMIT_MS), unavailable('ETIMEDOUT', 'none'))
    else if (how === 'park') this.#loop.after(untilMended + 1, () => succeed(0, effect()))
  }

  #fate({ mayBeLate, isRepeatable }: CallTraits): Fate {
    const draw = this.#random.next()
    if (this.#server.downUntil > this.#loop.now) return 'server down'
    if (this.#server.deniedUntil > this.#loop.now) return 'denied'
    if (this.isCutOff) return mayBeLate ? 'cut off' : 'requestLost'
    let sum = 0
    for (const [fate, share] of entriesOf(this.rates)) {
      sum += share
      if (draw >= sum) continue
      if (fate === 'late' && !mayBeLate) return 'replyLost'
      return fate === 'duplicated' && !isRepeatable ? 'ok' : fate
    }
    return 'ok'
  }

  /** A reply that sets out while the process is cut off arrives when it no longer is. */
  #heldUp(): number {
    return Math.max(0, this.#cutOffUntil - this.#loop.now)
  }

  #connection(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #giveBack(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}

function entriesOf(rates: FaultRates): readonly (readonly [keyof FaultRates, number])[] {
  const { refused, requestLost, replyLost, late, duplicated, slow } = rates
  return [
    ['refused', refused],
    ['requestLost', requestLost],
    ['replyLost', replyLost],
    ['late', late],
    ['duplicated', duplicated],
    ['slow', slow],
  ]
}

function refusal(random: Random): MillraceError {
  switch (random.pick(['40001', '40P01', '53300', '57P03', '55P03'])) {
    case '40001':
      return failure('STORE_FAILED', { outcome: 'none', isTransient: true, storeCode: '40001' })
    case '40P01':
      return failure('STORE_FAILED', { outcome: 'none', isTransient: true, storeCode: '40P01' })
    case '55P03':
      return failure('STORE_TIMEOUT', { outcome: 'none', isTransient: true, storeCode: '55P03' })
    case '53300':
      return unavailable('53300', 'none')
    default:
      return unavailable('57P03', 'none')
  }
}

function connectionLost(): MillraceError {
  return unavailable('ECONNRESET', 'unknown')
}

function timedOut(): MillraceError {
  return failure('STORE_TIMEOUT', { outcome: 'unknown' })
}

function unavailable(storeCode: string, outcome: 'none' | 'unknown'): MillraceError {
  return failure('STORE_UNAVAILABLE', { outcome, storeCode, isTransient: true })
}

function failure(code: MillraceErrorCode, details: ErrorDetails): MillraceError {
  return new MillraceError(code, `simulated: ${details.storeCode ?? 'no answer'}, outcome ${details.outcome}`, {
    details,
  })
}

import type { Recorded } from '../history/event.ts'

/** The promises, numbered as in `docs/operate/proof.md`. */
export const GUARANTEES = {
  G1: 'durable accept',
  G2: 'atomic add',
  G3: 'termination',
  G4: 'truthful states',
  G5: 'no duplicate without a cause',
  G6: 'exclusive lease',
  G7: 'fencing',
  G8: 'attempts',
  G9: 'retry timing',
  G10: 'transactional completion',
  G11: 'unique keys',
  G12: 'concurrency limits',
  G13: 'serial order',
  G14: 'dependencies',
  G15: 'schedules',
  G16: 'due time and priority',
  G17: 'no lost wake-up',
  G18: 'graceful shutdown',
  G19: 'connections',
  G20: 'isolation',
  G21: 'fidelity',
  G22: 'cancel',
  G23: 'bounded recovery',
  G24: 'one clock',
  G25: 'bounded resources',
  G26: 'dashboard',
  G27: 'durable steps',
} as const

export type GuaranteeId = keyof typeof GUARANTEES

/** Where an event stands in a history. */
export interface EventRef {
  readonly index: number
  readonly type: string
  readonly at: number
  readonly file: string
  readonly line: number
}

/** A promise that did not hold, with the events that show it. */
export interface Violation {
  readonly guarantee: GuaranteeId
  readonly jobs: readonly number[]
  readonly sentence: string
  readonly events: readonly EventRef[]
  /** It holds also for a store that may lose what it acknowledged. */
  readonly isDespiteLoss?: true
}

/** What holding a history against one promise gave. */
export interface Finding {
  /** How often the promise was put to the test. Nought means that the history says nothing about it. */
  readonly examined: number
  readonly violations: readonly Violation[]
}

/** Collects what one check finds. */
export class Findings implements Finding {
  examined = 0
  readonly violations: Violation[] = []
  readonly #guarantee: GuaranteeId

  constructor(guarantee: GuaranteeId) {
    this.#guarantee = guarantee
  }

  /** @param events - Those that falsify the promise; undefined ones are left out. */
  add(sentence: string, events: readonly (Recorded | undefined)[], jobs: readonly number[] = []): void {
    this.violations.push(this.#violation(sentence, events, jobs))
  }

  /** Of what a store must not do even if it has lost what it acknowledged. */
  addDespiteLoss(sentence: string, events: readonly (Recorded | undefined)[], jobs: readonly number[]): void {
    this.violations.push({ ...this.#violation(sentence, events, jobs), isDespiteLoss: true })
  }

  #violation(sentence: string, events: readonly (Recorded | undefined)[], jobs: readonly number[]): Violation {
    const refs = events.flatMap((event) => (event === undefined ? [] : [refOf(event)]))
    return { guarantee: this.#guarantee, jobs, sentence, events: refs }
  }
}

function refOf({ index, type, at, file, line }: Recorded): EventRef {
  return { index, type, at, file, line }
}

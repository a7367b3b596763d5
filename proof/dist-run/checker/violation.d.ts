import type { Recorded } from '../history/event.ts'
/** The promises, numbered as in `docs/operate/proof.md`. */
export declare const GUARANTEES: {
  readonly G1: 'durable accept'
  readonly G2: 'atomic add'
  readonly G3: 'termination'
  readonly G4: 'truthful states'
  readonly G5: 'no duplicate without a cause'
  readonly G6: 'exclusive lease'
  readonly G7: 'fencing'
  readonly G8: 'attempts'
  readonly G9: 'retry timing'
  readonly G10: 'transactional completion'
  readonly G11: 'unique keys'
  readonly G12: 'concurrency limits'
  readonly G13: 'serial order'
  readonly G14: 'dependencies'
  readonly G15: 'schedules'
  readonly G16: 'due time and priority'
  readonly G17: 'no lost wake-up'
  readonly G18: 'graceful shutdown'
  readonly G19: 'connections'
  readonly G20: 'isolation'
  readonly G21: 'fidelity'
  readonly G22: 'cancel'
  readonly G23: 'bounded recovery'
  readonly G24: 'one clock'
  readonly G25: 'bounded resources'
  readonly G26: 'dashboard'
  readonly G27: 'durable steps'
}
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
}
/** What holding a history against one promise gave. */
export interface Finding {
  /** How often the promise was put to the test. Nought means that the history says nothing about it. */
  readonly examined: number
  readonly violations: readonly Violation[]
}
/** Collects what one check finds. */
export declare class Findings implements Finding {
  #private
  examined: number
  readonly violations: Violation[]
  constructor(guarantee: GuaranteeId)
  /** @param events - Those that falsify the promise; undefined ones are left out. */
  add(sentence: string, events: readonly (Recorded | undefined)[], jobs?: readonly number[]): void
}
//# sourceMappingURL=violation.d.ts.map

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
}
/** Collects what one check finds. */
export class Findings {
  examined = 0
  violations = []
  #guarantee
  constructor(guarantee) {
    this.#guarantee = guarantee
  }
  /** @param events - Those that falsify the promise; undefined ones are left out. */
  add(sentence, events, jobs = []) {
    const refs = events.flatMap((event) => (event === undefined ? [] : [refOf(event)]))
    this.violations.push({ guarantee: this.#guarantee, jobs, sentence, events: refs })
  }
}
function refOf({ index, type, at, file, line }) {
  return { index, type, at, file, line }
}
//# sourceMappingURL=violation.js.map

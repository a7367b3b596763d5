/** Faults of one lane follow each other; lanes go on side by side. */
export const LANES = ['processes', 'server']
/** What goes wrong, and when: the same for the same seed and options, whatever happens in the run. */
export function makeSchedule(random, options) {
  // Drawn one by one in a fixed order, so that leaving one out does not change what another gets.
  const conditions = options.faults.filter(
    (fault) => fault.kind === 'condition' && random.chance(options.conditionChance),
  )
  const steps = LANES.flatMap((lane) => stepsOf(lane, random.fork(), options))
  return { steps, conditions }
}
function laneOf({ place }) {
  return place === 'server' ? 'server' : 'processes'
}
function stepsOf(lane, random, options) {
  const faults = options.faults.filter((fault) => fault.kind === 'event').filter((fault) => laneOf(fault) === lane)
  if (faults.length === 0) return []
  const steps = []
  // Something runs before the first fault.
  for (let atMs = random.integer(1000, 3000); atMs < options.durationMs;) {
    const fault = random.weighted(faults.map((candidate) => [candidate.weight ?? 1, candidate]))
    const [least, most] = fault.holdMs?.(options.leaseMs) ?? [0, 0]
    const step = {
      lane,
      fault,
      pauseMs: steps.length === 0 ? atMs : random.integer(800, 4000),
      holdMs: random.integer(least, most),
      seed: random.integer(0, 2 ** 31),
    }
    atMs += (steps.length === 0 ? 0 : step.pauseMs) + step.holdMs
    if (atMs > options.durationMs && steps.length > 0) break
    steps.push(step)
  }
  return steps
}
//# sourceMappingURL=schedule.js.map

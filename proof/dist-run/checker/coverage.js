import { causeOf, successions } from './cause.js'
import { acknowledgedAt } from './timeline.js'
/** Faults that must lead to something in the queue, when there are enough of them. */
const EXPECTED_CAUSES = { kill: 'died', stall: 'away' }
export function coverageOf(timeline) {
  const seen = {}
  const count = (what, number = 1) => {
    seen[what] = (seen[what] ?? 0) + number
  }
  for (const job of timeline.jobs.values()) {
    if (acknowledgedAt(timeline, job) < Infinity) count('job acknowledged')
    for (const { end, aborts } of job.execs) {
      if (end !== undefined) count(`handler ended: ${end.outcome}`)
      for (const { reason } of aborts) count(`handler told: ${reason}`)
    }
    for (const [previous, next] of successions(job.execs)) {
      count(`run again: ${causeOf(timeline, previous, next) ?? 'without a cause'}`)
    }
    const last = job.states.at(-1)
    if (last !== undefined) count(`job read: ${last.status}`)
  }
  for (const { name } of timeline.faults) count(`fault: ${name}`)
  if (timeline.quiet !== undefined) count('quiet')
  if (timeline.inventory !== undefined) count('inventory')
  return { seen, missing: missingOf(timeline, seen) }
}
function missingOf(timeline, seen) {
  const expected = [
    'job acknowledged',
    'handler ended: ok',
    'job read: completed',
    'quiet',
    'inventory',
    ...timeline.bounds.faults.map((name) => `fault: ${name}`),
    ...expectedCauses(timeline),
  ]
  return expected.filter((what) => (seen[what] ?? 0) === 0)
}
/** A fault that hit a running handler, for long enough, must show as a second execution somewhere. */
function expectedCauses(timeline) {
  const hit = new Set()
  for (const worker of timeline.workers.values()) {
    for (const fault of timeline.faults) {
      const cause = EXPECTED_CAUSES[fault.effect]
      if (cause === undefined || fault.workers?.includes(worker.name) !== true) continue
      const lasts = fault.effect === 'kill' || fault.to - fault.from > timeline.bounds.leaseMs * 2
      const cut = worker.execs.some(
        ({ start, end, job }) =>
          start.at < fault.from &&
          (end?.at ?? Infinity) > fault.from + 2 * timeline.bounds.leaseMs &&
          start.attempt < (job.spec?.maxAttempts ?? 0) &&
          job.changes.length === 0,
      )
      if (lasts && cut) hit.add(`run again: ${cause}`)
    }
  }
  return [...hit]
}
//# sourceMappingURL=coverage.js.map

import { groupBy } from './group-by.js'
import { acknowledgedAt } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G13: in a serial lane jobs of equal priority start for the first time in the order of their adds. Only adds that followed one
 * another have an order; a first attempt that was lost before its handler began has none that could be seen.
 */
export function checkSerialOrder(timeline) {
  const findings = new Findings('G13')
  const lanes = groupBy(timeline.jobs.values(), ({ spec }) =>
    spec?.serial === undefined ? undefined : `${spec.serial}\0${spec.priority ?? 0}`,
  )
  for (const jobs of lanes.values()) checkLane(timeline, findings, jobs)
  return findings
}
function checkLane(timeline, findings, jobs) {
  const queued = jobs.flatMap((job) => queuedOf(timeline, job))
  const inOrderOfAck = queued.toSorted((a, b) => a.addedBy - b.addedBy)
  let next = 0
  for (const one of queued
    .filter(({ startedAt }) => startedAt < Infinity)
    .toSorted((a, b) => a.startedAt - b.startedAt)) {
    findings.examined++
    // The earliest acknowledged job that has not started by now: if it does not come before this one, none does.
    while ((inOrderOfAck[next]?.startedAt ?? Infinity) <= one.startedAt && next < inOrderOfAck.length) next++
    const waiting = inOrderOfAck[next]
    if (waiting === undefined || waiting.addedBy >= one.addedFrom) continue
    const events = [waiting.job.meant[0]?.add.ok, one.job.meant[0]?.add.event, one.job.execs[0]?.start]
    findings.add(
      'It started before a job that was added to its lane earlier.',
      [...events, waiting.job.execs[0]?.start],
      [one.job.id, waiting.job.id],
    )
  }
}
function queuedOf(timeline, job) {
  const { spec, meant, execs, changes } = job
  const waits = spec?.runAtDbMs !== undefined || spec?.dependsOn !== undefined || changes.length > 0
  const first = execs[0]
  const addedFrom = meant[0]?.add.event.at
  if (waits || addedFrom === undefined || (first !== undefined && first.start.attempt > 1)) return []
  const startedAt = first?.start.at ?? Infinity
  // What never started may have failed before its handler could begin.
  if (startedAt === Infinity && job.states.some((state) => state.status === 'failed' || state.status === 'cancelled'))
    return []
  return [{ job, addedFrom, addedBy: acknowledgedAt(timeline, job), startedAt }]
}
//# sourceMappingURL=serial-order.js.map

import { Slots } from './slots.js'
import { fateOf, jobOfRef } from './termination.js'
import { isRestart, isTerminal, mayHaveHit, succeededAt } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G14: a dependent starts only when every prerequisite is completed, is released when they are, and is cancelled only for a
 * prerequisite that failed for good.
 */
export function checkDependencies(timeline) {
  const findings = new Findings('G14')
  const slots = new Slots(timeline)
  for (const job of timeline.jobs.values()) {
    const refs = job.spec?.dependsOn ?? []
    if (refs.length === 0) continue
    findings.examined++
    const prerequisites = refs.flatMap((ref) => jobOfRef(timeline, ref) ?? [])
    for (const prerequisite of prerequisites) checkOrder(findings, job, prerequisite)
    const allCompleted = prerequisites.length === refs.length && prerequisites.every(isCompleted)
    if (!allCompleted) continue
    checkCancelled(findings, job, prerequisites)
    if (job.execs.length === 0 && fateOf(timeline, slots, job) === 'limbo') {
      findings.add(
        'It is still blocked, though all its prerequisites are completed.',
        [...prerequisites.map((one) => one.states.at(-1)), job.states.at(-1)],
        [job.id],
      )
    }
  }
  return findings
}
function checkOrder(findings, job, prerequisite) {
  const first = job.execs[0]
  if (first === undefined) return
  const at = first.start.at
  if (prerequisite.execs.some((exec) => succeededAt(exec) <= at)) return
  if (job.spec?.onPrerequisiteFailed === 'run' && !runsLater(prerequisite, at)) return
  findings.add(
    'It started before its prerequisite was completed.',
    [first.start, prerequisite.execs.at(-1)?.start, prerequisite.execs.at(-1)?.end],
    [job.id, prerequisite.id],
  )
}
/** Whether it had an attempt to come at that moment, so that it had not failed for good. */
function runsLater(prerequisite, at) {
  const later = prerequisite.execs.find((exec) => exec.start.at > at)
  if (later === undefined) return false
  return !prerequisite.changes.some((change) => isRestart(change) && mayHaveHit(change, 0, later.start.at))
}
function isCompleted(job) {
  return job.states.at(-1)?.status === 'completed'
}
function checkCancelled(findings, job, prerequisites) {
  const cancelled = job.states.find((state) => state.status === 'cancelled')
  if (cancelled === undefined) return
  const wasAsked = job.changes.some((change) => change.call.verb === 'cancel' && mayHaveHit(change, 0, cancelled.at))
  // One that failed for good and was restarted has taken its dependents with it by right.
  const failedBefore = prerequisites.some(
    (one) =>
      one.changes.some(isRestart) || one.states.some((state) => isTerminal(state) && state.status !== 'completed'),
  )
  if (wasAsked || failedBefore) return
  findings.add(
    'It was cancelled, though all its prerequisites are completed.',
    [...prerequisites.map((one) => one.states.at(-1)), cancelled],
    [job.id],
  )
}
//# sourceMappingURL=dependencies.js.map

import { holdsUndisturbed } from './cause.js'
import { jobOfRef } from './termination.js'
import { isRestart, isTerminal, mayHaveHit, succeededAt } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G4: a job is reported completed only when a handler has succeeded, cancelled only when somebody cancelled it, as it is
 * while its handler runs; what is final stays so unless a caller restarts it; and nothing impossible is stored. That it was
 * the *current* execution that completed a job is G7's business.
 */
export function checkTruthfulStates(timeline) {
  const findings = new Findings('G4')
  for (const job of timeline.jobs.values()) {
    findings.examined += job.states.length
    checkCompleted(findings, job)
    checkCancelled(timeline, findings, job)
    checkFinal(timeline, findings, job)
    checkRunning(timeline, findings, job)
  }
  for (const row of timeline.of('invariant')) findings.add(`Impossible: ${row.invariant}: ${row.detail}`, [row])
  return findings
}
function checkCompleted(findings, job) {
  const completed = job.states.find((state) => state.status === 'completed')
  if (completed === undefined || job.execs.some((exec) => succeededAt(exec) <= completed.at)) return
  findings.add(
    'It is reported completed, but no handler of it had succeeded.',
    [job.execs.at(-1)?.end, completed],
    [job.id],
  )
}
function checkCancelled(timeline, findings, job) {
  const cancelled = job.states.find((state) => state.status === 'cancelled')
  if (cancelled === undefined) return
  const wasAsked = job.changes.some((change) => change.call.verb === 'cancel' && mayHaveHit(change, 0, cancelled.at))
  if (wasAsked || mayFollowPrerequisites(timeline, job)) return
  findings.add('It is reported cancelled, but nobody cancelled it.', [cancelled], [job.id])
}
/** Whether a wrong cancellation for a prerequisite's sake is rightly one is G14's business. */
function mayFollowPrerequisites(timeline, job) {
  return (job.spec?.dependsOn ?? []).some((ref) => jobOfRef(timeline, ref) !== undefined)
}
function checkFinal(timeline, findings, job) {
  let final
  for (const state of job.states) {
    // Readings that cross say nothing of what came first.
    if (final !== undefined && state.sentAt > final.at && state.status !== 'missing' && !isSame(final, state)) {
      if (!mayHaveReopened(timeline, job, final, state)) {
        findings.add(
          `It was ${final.status} for good, and then ${state.status}, though nobody restarted it.`,
          [final, state],
          [job.id],
        )
      }
      final = undefined
    }
    if (isTerminal(state)) final = state
  }
}
function isSame(a, b) {
  return a.status === b.status && isTerminal(b)
}
function mayHaveReopened(timeline, job, before, after) {
  if (job.changes.some((change) => isRestart(change) && mayHaveHit(change, before.sentAt, after.at))) return true
  return timeline.faults.some(({ effect, from, to }) => effect === 'lossy' && from <= after.at && to >= before.sentAt)
}
/** While a handler runs undisturbed its job is reported running. What an older execution did about it is G7's business. */
function checkRunning(timeline, findings, job) {
  for (const { exec, state } of contradictions(timeline, job)) {
    if (olderDisturbance(exec, state) !== undefined) continue
    findings.add(`It is reported ${state.status} while its handler runs undisturbed.`, [exec.start, state], [job.id])
  }
}
/** Readings that say something else than `processing` of a job that one execution holds for certain. */
export function contradictions(timeline, job) {
  return job.states.flatMap((state) => {
    if (state.status === 'processing' || state.status === 'missing') return []
    const exec = job.execs.find((one) => one.start.at < state.sentAt && holdsUndisturbed(timeline, one, state.at))
    return exec === undefined ? [] : [{ exec, state }]
  })
}
/** The execution that has lost the job to `exec` and ended, or reported, before the reading. */
export function olderDisturbance(exec, state) {
  return exec.job.execs.find((other) => {
    if (other === exec || other.staleBy === undefined) return false
    const ended = other.end?.at ?? Infinity
    return ended >= exec.start.at && ended <= state.at
  })
}
//# sourceMappingURL=truthful-states.js.map

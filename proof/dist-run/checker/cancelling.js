import { holdsUndisturbed, isLateStart } from './cause.js'
import { isRestart, mayHaveHit, overAt } from './timeline.js'
import { Findings } from './violation.js'
/** A running handler is told of a cancellation within this, and one sign of life of its worker. */
const TELL_CANCELLED_MS = 1_000
/**
 * G22: after a cancellation is acknowledged nothing starts any more; a handler that runs is told in time; and the answer says
 * which of the two it was.
 */
export function checkCancelling(timeline) {
  const findings = new Findings('G22')
  for (const job of timeline.jobs.values()) {
    for (const change of job.changes) {
      const { call, answer } = change
      if (call.verb !== 'cancel' || call.job === 'all' || answer === undefined) continue
      if (answer.answer !== 'changed' && answer.answer !== 'requested') continue
      findings.examined++
      checkStarts(timeline, findings, job, change)
      if (answer.answer === 'requested') checkTold(timeline, findings, job, change)
      else checkDone(timeline, findings, job, change)
    }
  }
  return findings
}
/** What was claimed when the answer was `requested` may begin, but only to be told at once. */
function checkStarts(timeline, findings, job, { call, answer }) {
  const acked = answer?.at ?? Infinity
  const late = answer?.answer === 'requested' ? acked + tellMs(timeline) : acked
  for (const exec of job.execs) {
    if (exec.start.at <= late || isLateStart(timeline, exec)) continue
    if (restarted(job, call.at, exec.start.at) || exec.worker.hampered.intersects(acked, exec.start.at)) continue
    findings.add('It started after its cancellation was acknowledged.', [call, answer, exec.start], [job.id])
  }
}
function checkTold(timeline, findings, job, { call, answer }) {
  const acked = answer?.at ?? Infinity
  for (const exec of job.execs) {
    const isLast = exec.staleBy === undefined
    if (!isLast || exec.start.at > acked || overAt(exec) <= acked || restarted(job, call.at, acked)) continue
    const allowed = tellMs(timeline)
    const deadline = exec.worker.recovering.firstFree(acked, allowed) + allowed
    const told = exec.aborts[0]?.at ?? Infinity
    if (Math.min(told, overAt(exec), timeline.finishedAt) <= deadline) continue
    findings.add(
      'Its handler was not told in time that it is cancelled.',
      [call, answer, exec.start, exec.aborts[0]],
      [job.id],
    )
  }
}
/** `changed` says that it did not run, and will not. */
function checkDone(timeline, findings, job, change) {
  const { call, answer } = change
  const acked = answer?.at ?? Infinity
  const others = { ...job, changes: job.changes.filter((one) => one !== change) }
  const running = job.execs.find(
    (exec) => exec.start.at < call.at && holdsUndisturbed(timeline, { ...exec, job: others }, acked),
  )
  if (running !== undefined)
    findings.add('The answer says that it did not run, but it did.', [running.start, call, answer], [job.id])
  const state = job.states.find(
    ({ sentAt, status, at }) =>
      sentAt > acked && status !== 'cancelled' && status !== 'missing' && !restarted(job, call.at, at),
  )
  if (state !== undefined)
    findings.add(`It is ${state.status} after its cancellation was acknowledged.`, [call, answer, state], [job.id])
}
function restarted(job, from, to) {
  return job.changes.some((change) => isRestart(change) && mayHaveHit(change, from, to))
}
function tellMs({ bounds }) {
  return TELL_CANCELLED_MS + bounds.beatMs + bounds.slackMs
}
//# sourceMappingURL=cancelling.js.map

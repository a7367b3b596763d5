import { isRestart, mayHaveHit } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G8: a job is executed at most `maxAttempts` times, crashes included, and once more for each time it was restarted; what was
 * handed back in a drain, snoozed or suspended does not count. And it is given up early only for a reason.
 */
export function checkAttempts(timeline) {
  const findings = new Findings('G8')
  for (const job of timeline.jobs.values()) {
    const allowed = allowance(job)
    if (allowed === undefined || job.execs.length === 0) continue
    findings.examined++
    const counted = job.execs.filter(usesAttempt)
    if (counted.length > allowed) {
      const sentence = `It was executed ${counted.length} times, and ${allowed} are allowed.`
      findings.add(sentence, [job.meant[0]?.add.event, ...counted.map((exec) => exec.start)], [job.id])
    }
    checkGivenUp(timeline, findings, job, counted)
  }
  return findings
}
function allowance(job) {
  if (job.spec === undefined) return undefined
  const edits = job.changes.map(({ call }) => call.maxAttempts ?? 0)
  const maxAttempts = Math.max(job.spec.maxAttempts, ...edits)
  const restarts = job.changes.filter((change) => isRestart(change) && mayHaveHit(change, 0, Infinity))
  const more = restarts.map(({ call }) => (call.verb === 'redrive' ? maxAttempts : 1))
  return maxAttempts + more.reduce((sum, one) => sum + one, 0)
}
function usesAttempt(exec) {
  const outcome = exec.end?.outcome
  if (outcome === 'snoozed' || outcome === 'waiting') return false
  return !exec.aborts.some((abort) => abort.reason === 'drain')
}
/** In a calm run a job fails for good only when all its attempts have failed. Drains are part of a calm run. */
function checkGivenUp(timeline, findings, job, counted) {
  const failed = job.states.find((state) => state.status === 'failed' && state.nextAttemptDbMs === undefined)
  if (failed === undefined || job.spec === undefined || !isForAttempts(failed)) return
  if (counted.length >= job.spec.maxAttempts || job.execs.some((exec) => exec.end?.outcome === 'fatal')) return
  if (job.changes.length > 0 || !wasCalm(timeline, job, failed.at)) return
  const sentence = `It failed for good after ${counted.length} of ${job.spec.maxAttempts} attempts, though nothing died or was cut off.`
  findings.add(sentence, [...job.execs.map((exec) => exec.end), failed], [job.id])
}
function isForAttempts({ failureReason }) {
  return failureReason !== 'no_handler' && failureReason !== 'payload_invalid'
}
function wasCalm(timeline, job, until) {
  const from = job.meant[0]?.add.event.at ?? 0
  if (timeline.common.hampered.intersects(from, until)) return false
  return [...timeline.workers.values()].every((worker) => {
    const diedBadly = worker.gone?.code !== 0 && worker.diedAt >= from && worker.diedAt <= until
    return !diedBadly && !worker.hampered.intersects(from, until)
  })
}
//# sourceMappingURL=attempts.js.map

import { acknowledgedAt, isTerminal, succeededAt } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G1: an acknowledged job is there until it has ended. A job that is in no complete reading, or reported missing, though it
 * was acknowledged and nobody ran it to its end, is lost.
 */
export function checkDurableAccept(timeline) {
  const findings = new Findings('G1')
  const { inventory } = timeline
  for (const job of timeline.jobs.values()) {
    const acknowledged = acknowledgedAt(timeline, job)
    if (acknowledged === Infinity) continue
    const last = job.states.at(-1)
    const wasLooked = last?.status === 'missing' || (inventory !== undefined && acknowledged <= inventory.sentAt)
    if (!wasLooked) continue
    findings.examined++
    if (isThere(last, inventory) || hasEnded(job) || mayBeLost(timeline, acknowledged)) continue
    const evidence = last?.status === 'missing' ? last : inventory
    findings.add(
      'It was acknowledged, and is not there any more though it never ended.',
      [ackOf(job), evidence],
      [job.id],
    )
  }
  return findings
}
function isThere(last, inventory) {
  if (last === undefined || last.status === 'missing') return false
  return inventory === undefined || last.sentAt >= inventory.sentAt || last.at >= inventory.sentAt
}
/** A job that has ended may be deleted by retention. */
function hasEnded(job) {
  return job.execs.some((exec) => succeededAt(exec) < Infinity) || job.states.some(isTerminal)
}
/** Acknowledged by a database that a late standby replaced. */
export function mayBeLost(timeline, acknowledged) {
  return timeline.faults.some(
    ({ effect, from, to }) => effect === 'lossy' && from <= acknowledged && acknowledged <= to,
  )
}
export function ackOf(job) {
  return job.meant[0]?.add.ok
}
//# sourceMappingURL=durable-accept.js.map

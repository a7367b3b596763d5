import { mayHaveHit } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G21: a handler is given what was sent (or what an edit made of it), and every plain JSON value is accepted.
 */
export function checkFidelity(timeline) {
  const findings = new Findings('G21')
  for (const job of timeline.jobs.values()) checkDelivered(findings, job)
  for (const { event, error } of timeline.adds) {
    const plain = event.jobs.length > 0 && event.jobs.every((spec) => spec.plainJson === true)
    if (!plain) continue
    findings.examined++
    const wasRefused = error?.code === 'PAYLOAD_INVALID' || error?.code === 'PAYLOAD_TOO_LARGE'
    if (wasRefused) findings.add(`A plain JSON value was refused: ${error.message}`, [event, error])
  }
  return findings
}
function checkDelivered(findings, job) {
  if (job.spec === undefined) return
  for (const { start } of job.execs) {
    findings.examined++
    const edits = job.changes.filter(
      (change) => change.call.payloadHash !== undefined && mayHaveHit(change, 0, start.at),
    )
    const sent = [job.spec.payloadHash, ...edits.map((change) => change.call.payloadHash)]
    if (sent.includes(start.payloadHash)) continue
    const origin = job.meant[0]?.add.event
    findings.add(
      'The handler was given another payload than was sent.',
      [origin, ...edits.map(({ call }) => call), start],
      [job.id],
    )
  }
}
//# sourceMappingURL=fidelity.js.map

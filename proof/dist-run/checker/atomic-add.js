import { mayBeLost } from './durable-accept.js'
import { Findings } from './violation.js'
/**
 * G2: a job added in a caller's transaction exists if and only if the business row of that transaction does, and the jobs of
 * one call exist all together or not at all.
 */
export function checkAtomicAdd(timeline) {
  const findings = new Findings('G2')
  const rows = new Map(timeline.of('business-row').map((row) => [row.tx, row]))
  for (const add of timeline.adds) {
    const row = add.event.tx === undefined ? undefined : rows.get(add.event.tx)
    if (row !== undefined) checkTransaction(timeline, findings, add, row)
    else if (add.event.tx === undefined && add.event.jobs.length > 1) checkBatch(timeline, findings, add)
  }
  return findings
}
function checkTransaction(timeline, findings, add, row) {
  for (const { ref, key } of add.event.jobs) {
    if (key !== undefined) continue
    findings.examined++
    const exists = wasSeen(timeline, ref)
    if (exists && !row.present) {
      const ids = [...(timeline.idsOfRef.get(ref) ?? [])]
      findings.add(
        'The job exists, but the transaction it was added in does not.',
        [add.event, row, sighting(timeline, ref)],
        ids,
      )
    }
    // Absence can be told only by who has looked everywhere.
    if (!exists && row.present && add.ok !== undefined && canTellAbsence(timeline, add)) {
      findings.add('The transaction exists, but the job that was added in it does not.', [add.event, row], [])
    }
  }
}
function checkBatch(timeline, findings, add) {
  const refs = add.event.jobs.filter((spec) => spec.key === undefined).map((spec) => spec.ref)
  const seen = refs.filter((ref) => wasSeen(timeline, ref))
  findings.examined++
  if (seen.length === 0 || seen.length === refs.length || !canTellAbsence(timeline, add)) return
  const ids = seen.flatMap((ref) => [...(timeline.idsOfRef.get(ref) ?? [])])
  const sentence = `Of the ${refs.length} jobs of one call ${seen.length} exist.`
  findings.add(sentence, [add.event, add.ok ?? add.error, timeline.inventory], ids)
}
function wasSeen(timeline, ref) {
  return (timeline.idsOfRef.get(ref)?.size ?? 0) > 0
}
function canTellAbsence(timeline, add) {
  const answered = add.ok?.at ?? add.error?.at ?? Infinity
  return timeline.inventory !== undefined && answered <= timeline.inventory.sentAt && !mayBeLost(timeline, answered)
}
function sighting(timeline, ref) {
  const id = [...(timeline.idsOfRef.get(ref) ?? [])][0]
  const job = id === undefined ? undefined : timeline.jobs.get(id)
  return job?.execs[0]?.start ?? job?.states[0]
}
//# sourceMappingURL=atomic-add.js.map

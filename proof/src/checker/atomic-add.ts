import { mayBeLost } from './durable-accept.ts'
import type { Add, At, Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'

/**
 * G2: a job added in a caller's transaction exists if and only if the business row of that transaction does, and the jobs of
 * one call exist all together or not at all.
 */
export function checkAtomicAdd(timeline: Timeline): Finding {
  const findings = new Findings('G2')
  const rows = new Map(timeline.of('business-row').map((row) => [row.tx, row]))
  for (const add of timeline.adds) {
    const row = add.event.tx === undefined ? undefined : rows.get(add.event.tx)
    if (row !== undefined) checkTransaction(timeline, findings, add, row)
    else if (add.event.tx === undefined && add.event.jobs.length > 1) checkBatch(timeline, findings, add)
  }
  return findings
}

function checkTransaction(timeline: Timeline, findings: Findings, add: Add, row: At<'business-row'>): void {
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

function checkBatch(timeline: Timeline, findings: Findings, add: Add): void {
  const refs = add.event.jobs.filter((spec) => spec.key === undefined).map((spec) => spec.ref)
  const seen = refs.filter((ref) => wasSeen(timeline, ref))
  findings.examined++
  if (seen.length === 0 || seen.length === refs.length || !canTellAbsence(timeline, add)) return
  const ids = seen.flatMap((ref) => [...(timeline.idsOfRef.get(ref) ?? [])])
  const sentence = `Of the ${refs.length} jobs of one call ${seen.length} exist.`
  findings.add(sentence, [add.event, add.ok ?? add.error, timeline.inventory], ids)
}

function wasSeen(timeline: Timeline, ref: string): boolean {
  return (timeline.idsOfRef.get(ref)?.size ?? 0) > 0
}

function canTellAbsence(timeline: Timeline, add: Add): boolean {
  const answered = add.ok?.at ?? add.error?.at ?? Infinity
  return timeline.inventory !== undefined && answered <= timeline.inventory.sentAt && !mayBeLost(timeline, answered)
}

function sighting(timeline: Timeline, ref: string): At<'start'> | At<'state'> | undefined {
  const id = [...(timeline.idsOfRef.get(ref) ?? [])][0]
  const job = id === undefined ? undefined : timeline.jobs.get(id)
  return job?.execs[0]?.start ?? job?.states[0]
}

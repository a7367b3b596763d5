import { groupBy } from './group-by.js'
import { Findings } from './violation.js'
/**
 * G11: all adds of one key are answered the same id, none is refused, and one job exists; and no add makes two jobs, however
 * often it had to be tried. A ref that its producer added in several calls without a key may be there as often.
 */
export function checkUniqueKeys(timeline) {
  const findings = new Findings('G11')
  const all = [...timeline.meant.values()].flat()
  const byKey = groupBy(all, (meant) => meant.spec.key)
  for (const [key, adds] of byKey) checkKey(timeline, findings, key, adds)
  for (const [ref, adds] of timeline.meant) {
    if (adds.some((meant) => meant.spec.key !== undefined)) continue
    findings.examined++
    const ids = [...(timeline.idsOfRef.get(ref) ?? [])]
    if (ids.length <= adds.length) continue
    const sentence = `Added ${adds.length === 1 ? 'once' : `${adds.length} times`}, it exists ${ids.length} times.`
    findings.add(sentence, [...adds.map(({ add }) => add.event), ...sightings(timeline, ids)], ids)
  }
  return findings
}
function checkKey(timeline, findings, key, adds) {
  findings.examined++
  const answered = new Set(adds.flatMap(({ id }) => (id === undefined ? [] : [id])))
  const stored = adds.flatMap(({ spec }) => [...(timeline.idsOfRef.get(spec.ref) ?? [])])
  const ids = [...new Set([...answered, ...stored])]
  if (ids.length > 1) {
    const answers = adds.map(({ add }) => add.ok)
    findings.add(`Key "${key}" led to ${ids.length} jobs.`, [...answers, ...sightings(timeline, ids)], ids)
  }
  for (const { add } of adds) {
    if (add.error?.outcome !== 'refused' || add.event.jobs.some((spec) => spec.nonsense === true)) continue
    if (timeline.common.recovering.intersects(add.event.at, add.error.at)) continue
    findings.add(`An add with key "${key}" was refused: ${add.error.message}`, [add.event, add.error], ids)
  }
}
function sightings(timeline, ids) {
  return ids.map((id) => {
    const job = timeline.jobs.get(id)
    return job?.execs[0]?.start ?? job?.states[0]
  })
}
//# sourceMappingURL=unique-keys.js.map

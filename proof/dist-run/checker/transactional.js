import { Findings } from './violation.js'
/** G10: the row that a transactional handler writes is there once if the job is completed, and not at all otherwise. */
export function checkTransactional(timeline) {
  const findings = new Findings('G10')
  for (const job of timeline.jobs.values()) {
    const last = job.states.at(-1)
    if (job.spec?.transactional !== true || job.effects === undefined || last === undefined) continue
    // A job that may still complete between the two readings proves nothing.
    if (last.status === 'processing' || last.status === 'missing') continue
    findings.examined++
    const due = last.status === 'completed' ? 1 : 0
    if (job.effects.count === due) continue
    const sentence = `It is ${last.status}, and its effect is there ${job.effects.count} times instead of ${due}.`
    findings.add(sentence, [...job.execs.map((exec) => exec.start), last, job.effects], [job.id])
  }
  return findings
}
//# sourceMappingURL=transactional.js.map

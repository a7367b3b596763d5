import { crashes } from './calls.js'
import { Findings } from './violation.js'
/**
 * G20: no payload, field or handler takes down a worker or spoils its process, and nonsense is refused with a typed error. That
 * it holds up no other job, and that a type nobody handles is not "completed", is seen by G3, G17 and G4.
 */
export function checkIsolation(timeline) {
  const findings = new Findings('G20')
  for (const { event, hostile } of crashes(timeline)) {
    if (hostile !== undefined)
      findings.add('A hostile handler took its process down.', [hostile.start, event], [hostile.job.id])
  }
  for (const worker of timeline.workers.values()) {
    findings.examined += worker.execs.filter((exec) => exec.job.spec?.hostile !== undefined).length
  }
  for (const event of timeline.of('polluted')) findings.add(`A hostile input left its mark: ${event.what}.`, [event])
  for (const { event, ok, error } of timeline.adds) {
    if (!event.jobs.some((spec) => spec.nonsense === true)) continue
    findings.examined++
    if (ok !== undefined) findings.add('Nonsense was accepted.', [event, ok], ok.ids)
    const isTyped = error?.code !== undefined
    if (error?.outcome === 'refused' && !isTyped)
      findings.add('Nonsense was refused without a typed error.', [event, error])
  }
  return findings
}
//# sourceMappingURL=isolation.js.map

import { causeOf, overlap, successions } from './cause.js'
import { drainOf } from './drain.js'
import { Findings } from './violation.js'
/**
 * G5: an execution that follows another one has a cause in it: that one failed, ran out of time, was handed back, its process
 * died or was away for longer than the lease, or somebody restarted the job. One that succeeded and whose record may have been
 * lost with its connection is counted by G19, one that a drain led to by G18.
 */
export function checkDuplicates(timeline) {
  const findings = new Findings('G5')
  for (const job of timeline.jobs.values()) {
    findings.examined += job.execs.length
    for (const [previous, next] of successions(job.execs)) {
      if (overlap(previous, next) || causeOf(timeline, previous, next) !== undefined) continue
      if (drainOf(timeline, previous) !== undefined) continue
      findings.add('It was run again without a cause.', [previous.start, previous.end, next.start], [job.id])
    }
  }
  return findings
}
/** G6: two executions of a job run at once only if the earlier one's worker was away for longer than the lease, or its handler goes on after it was told to stop. */
export function checkExclusiveLease(timeline) {
  const findings = new Findings('G6')
  for (const job of timeline.jobs.values()) {
    if (job.execs.length > 0) findings.examined++
    for (const [previous, next] of successions(job.execs)) {
      if (!overlap(previous, next) || causeOf(timeline, previous, next) !== undefined) continue
      findings.add(
        'Two executions ran at once, though the worker of the first was alive and connected.',
        [previous.start, next.start, previous.end],
        [job.id],
      )
    }
  }
  return findings
}
//# sourceMappingURL=executions.js.map

import { groupBy } from './group-by.js'
import { heldSpan, occupancy } from './slots.js'
import { groupLimit } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G12: of a group never more than its limit are executed at once over all processes, of a serial lane one, and in a worker no
 * more than its concurrency. An execution that has lost its job, or was told to stop, holds no place.
 */
export function checkConcurrency(timeline) {
  const findings = new Findings('G12')
  const all = [...timeline.jobs.values()].flatMap((job) => job.execs)
  const groups = groupBy(all, (exec) => exec.start.group ?? exec.job.spec?.group)
  for (const [group, execs] of groups) {
    const limit = groupLimit(timeline.bounds, group)
    if (limit !== undefined) checkLimit(timeline, findings, { name: `Group ${group}`, limit, execs })
  }
  for (const [lane, execs] of groupBy(all, (exec) => exec.job.spec?.serial)) {
    checkLimit(timeline, findings, { name: `Serial lane ${lane}`, limit: 1, execs })
  }
  for (const { name, started, execs } of timeline.workers.values()) {
    if (started !== undefined)
      checkLimit(timeline, findings, { name: `Worker ${name}`, limit: started.concurrency, execs })
  }
  return findings
}
/** Of one limit; a system that ignores it would fill the report. */
const MOST_REPORTED = 100
function checkLimit(timeline, findings, { name, limit, execs }) {
  findings.examined++
  const spans = new Map(execs.map((exec) => [exec, heldSpan(timeline, exec)]))
  const spanOf = (exec) => spans.get(exec) ?? { from: Infinity, to: Infinity }
  const excesses = occupancy(execs, spanOf).filter(({ running, begun }) => begun !== undefined && running > limit)
  for (const { at, running } of excesses.slice(0, MOST_REPORTED)) {
    const holders = execs.filter((exec) => exec.start.at <= at && spanOf(exec).to > at)
    const sentence = `${name} ran ${running} at once; its limit is ${limit}.`
    findings.add(
      sentence,
      holders.map((exec) => exec.start),
      holders.map((exec) => exec.job.id),
    )
  }
}
//# sourceMappingURL=concurrency.js.map

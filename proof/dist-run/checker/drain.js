import { causeOf, overlap, successions } from './cause.js'
import { overAt, succeededAt } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G18: a worker that drains starts nothing; its handlers have ended or been told to stop when the drain is over, which it is in
 * time; the process can leave; and no job that succeeded in a drain runs again.
 */
export function checkDrain(timeline) {
  const findings = new Findings('G18')
  for (const worker of timeline.workers.values()) {
    if (worker.drainBegin === undefined) continue
    findings.examined++
    checkNothingStarts(findings, worker)
    checkHandlers(findings, worker)
    checkLeaves(timeline, findings, worker)
  }
  for (const job of timeline.jobs.values()) {
    for (const [previous, next] of successions(job.execs)) {
      if (overlap(previous, next) || causeOf(timeline, previous, next) !== undefined) continue
      const drain = drainOf(timeline, previous)
      if (drain === undefined) continue
      findings.add(
        'It succeeded while its worker drained, and was run again.',
        [drain, previous.end, next.start],
        [job.id],
      )
    }
  }
  return findings
}
/** The drain in which an execution succeeded or whose end its record may have missed. */
export function drainOf(timeline, exec) {
  const { drainBegin, drainEnd, diedAt } = exec.worker
  const succeeded = succeededAt(exec)
  if (drainBegin === undefined || succeeded === Infinity) return undefined
  const until = Math.min(drainEnd?.at ?? Infinity, diedAt)
  return succeeded + timeline.bounds.settleMs >= drainBegin.at && succeeded <= until ? drainBegin : undefined
}
function checkNothingStarts(findings, worker) {
  const begin = worker.drainBegin
  for (const { start } of worker.execs) {
    if (begin === undefined || start.index < begin.index) continue
    findings.add('It was started after its worker had begun to drain.', [begin, start], [start.job])
  }
}
function checkHandlers(findings, worker) {
  const end = worker.drainEnd
  if (end === undefined) return
  for (const exec of worker.execs) {
    if (overAt(exec) <= end.at || exec.aborts.some((abort) => abort.at <= end.at)) continue
    findings.add(
      'The drain was over while its handler ran, which had not been told to stop.',
      [exec.start, end],
      [exec.job.id],
    )
  }
}
function checkLeaves(timeline, findings, worker) {
  const { drainBegin, drainEnd, gone } = worker
  if (drainBegin === undefined) return
  const { drainMs, slackMs, settleMs } = timeline.bounds
  const calm = worker.recovering.firstFree(drainBegin.at, drainMs + settleMs + slackMs)
  const deadline = calm + drainMs + settleMs + slackMs
  const over = Math.min(drainEnd?.at ?? Infinity, worker.diedAt)
  if (over > deadline && timeline.finishedAt > deadline) {
    findings.add(`The drain took longer than its ${drainMs} ms.`, [drainBegin, drainEnd])
  }
  const left = gone !== undefined && gone.signal === null && gone.code !== 0
  if (left && worker.diedAt >= gone.at && !gone.expected) {
    findings.add(`The process that drained left with exit code ${gone.code}.`, [drainBegin, gone])
  }
}
//# sourceMappingURL=drain.js.map

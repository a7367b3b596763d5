import { causeOf, successions } from './cause.js'
import { startsBeforeRetry, startsBeforeRunAt } from './early-starts.js'
import { Findings } from './violation.js'
/** G9: the attempt after a failure starts no earlier than its delay, and than the stored `nextAttemptAt`. */
export function checkRetryTiming(timeline) {
  return withoutSkewed(timeline, new Findings('G9'), startsBeforeRetry(timeline))
}
/** The half of G16 that says: not before `runAt`. */
export function checkNotEarly(timeline, findings) {
  withoutSkewed(timeline, findings, startsBeforeRunAt(timeline))
}
/**
 * G24: only the database's clock decides. A worker whose own clock is wrong starts nothing early and takes no job from a
 * worker that lives. Early starts by such a worker are reported here, those by others with G9 and G16.
 */
export function checkOneClock(timeline) {
  const findings = new Findings('G24')
  const skewed = skewedWorkers(timeline)
  if (skewed.size === 0) return findings
  for (const worker of timeline.workers.values()) if (skewed.has(worker.name)) findings.examined += worker.execs.length
  for (const { found } of [startsBeforeRunAt(timeline), startsBeforeRetry(timeline)]) {
    for (const { exec, sentence, events } of found) {
      if (isBySkewed(skewed, exec)) findings.add(`By a worker whose clock is wrong: ${sentence}`, events, [exec.job.id])
    }
  }
  for (const job of timeline.jobs.values()) {
    for (const [previous, next] of successions(job.execs)) {
      if (!isBySkewed(skewed, previous) && !isBySkewed(skewed, next)) continue
      if (previous.end !== undefined && previous.end.at <= next.start.at) continue
      if (causeOf(timeline, previous, next) !== undefined) continue
      findings.add('A lease ended early where a clock is wrong.', [previous.start, next.start], [job.id])
    }
  }
  return findings
}
function withoutSkewed(timeline, findings, { examined, found }) {
  const skewed = skewedWorkers(timeline)
  findings.examined += examined
  for (const { exec, sentence, events } of found) {
    if (!isBySkewed(skewed, exec)) findings.add(sentence, events, [exec.job.id])
  }
  return findings
}
function skewedWorkers({ faults }) {
  return new Set(faults.flatMap(({ effect, workers }) => (effect === 'clock' ? (workers ?? []) : [])))
}
function isBySkewed(skewed, { worker }) {
  return skewed.has(worker.name)
}
//# sourceMappingURL=one-clock.js.map

import { NOTICE_MS } from './bounds.js'
import { calls, crashes } from './calls.js'
import { causeOf, successions, wasAway } from './cause.js'
import { isTerminal, succeededAt } from './timeline.js'
import { Findings } from './violation.js'
/** Of the handlers that succeed, so many may run again because the answer to their record was lost. */
const RERUNS_ALLOWED = 0.01
/**
 * G19: connections that are killed, refused, silent or slow crash no process, leave no call without an answer, make no failure of
 * a success, and lead to few repeated runs; a connection that died in silence is noticed.
 */
export function checkConnections(timeline) {
  const findings = new Findings('G19')
  findings.examined += timeline.faults.filter(({ effect }) => effect !== 'none' && effect !== 'clock').length
  for (const gone of crashes(timeline)) {
    if (gone.hostile !== undefined) continue
    findings.add(`Its process ended by itself (code ${gone.event.code}, signal ${gone.event.signal}).`, [gone.event])
  }
  for (const call of calls(timeline)) {
    if (call.waitedMs <= NOTICE_MS || !call.wasSevered) continue
    findings.add(`A call had no answer for ${Math.round(call.waitedMs / 1000)} s.`, [call.event, call.answer])
  }
  for (const job of timeline.jobs.values()) checkSuccessKept(timeline, findings, job)
  checkReruns(timeline, findings)
  checkNoticed(timeline, findings)
  return findings
}
function checkSuccessKept(timeline, findings, job) {
  const failed = job.states.find((state) => state.status === 'failed' && isTerminal(state))
  if (failed === undefined) return
  const before = job.execs.filter((exec) => exec.start.at < failed.at)
  const last = before.at(-1)
  if (last === undefined || succeededAt(last) > failed.sentAt || last.end === undefined) return
  const { worker, end } = last
  const recordedBy = worker.hampered.firstFree(end.at, timeline.bounds.settleMs) + timeline.bounds.settleMs
  const wasLost = worker.diedAt <= recordedBy || wasAway(timeline, last, failed.at)
  if (wasLost || last.aborts.length > 0 || last.staleBy !== undefined || job.changes.length > 0) return
  findings.add('It failed for good after its handler had succeeded.', [last.start, end, failed], [job.id])
}
/** Successes that were run again because nobody knew that they had been recorded. */
export function rerunsOfSuccesses(timeline) {
  return [...timeline.jobs.values()].flatMap((job) =>
    successions(job.execs).filter(([previous, next]) => {
      if (succeededAt(previous) > next.start.at) return false
      return causeOf(timeline, previous, next) === 'unknown-outcome'
    }),
  )
}
function checkReruns(timeline, findings) {
  let succeeded = 0
  for (const job of timeline.jobs.values()) {
    for (const exec of job.execs) if (succeededAt(exec) < Infinity) succeeded++
  }
  const reruns = rerunsOfSuccesses(timeline)
  if (reruns.length <= Math.ceil(succeeded * RERUNS_ALLOWED)) return
  const events = reruns.slice(0, 20).flatMap(([previous, next]) => [previous.end, next.start])
  const sentence = `Of ${succeeded} successes ${reruns.length} were run again; a hundredth is allowed.`
  findings.add(
    sentence,
    events,
    reruns.map(([previous]) => previous.job.id),
  )
}
/** After a connection has died in silence its worker is heard of again within a minute. */
function checkNoticed(timeline, findings) {
  const sightings = timeline.of('worker-seen')
  for (const { silent, begin, workers } of timeline.faults) {
    if (!silent) continue
    for (const name of workers ?? timeline.workers.keys()) {
      const worker = timeline.workers.get(name)
      if (worker === undefined) continue
      const deadline = begin.at + NOTICE_MS + timeline.bounds.beatMs + timeline.bounds.slackMs
      if (worker.diedAt <= deadline || worker.drainBegin !== undefined) continue
      const dead = sightings.find(
        (seen) => seen.worker === name && seen.sentAt > deadline && (seen.silentMs ?? Infinity) > seen.at - begin.at,
      )
      if (dead !== undefined) findings.add('Its dead connection was not noticed within a minute.', [begin, dead])
    }
  }
}
//# sourceMappingURL=connections.js.map

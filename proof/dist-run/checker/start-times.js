import { checkNotEarly } from './one-clock.js'
import { isFree, readyAt } from './ready.js'
import { Slots } from './slots.js'
import { checkPriority } from './start-order.js'
import { Findings } from './violation.js'
/** G16: never before `runAt`, soon after it where a worker is free, and by priority, then age. */
export function checkDueTime(timeline) {
  const findings = new Findings('G16')
  checkNotEarly(timeline, findings)
  checkPunctual(timeline, findings, (job) => job.spec?.runAtDbMs !== undefined)
  checkPriority(timeline, findings)
  return findings
}
/** G17: a job that is ready when it is added starts on a free worker within the poll interval, whatever notifications do. */
export function checkWakeUp(timeline) {
  const findings = new Findings('G17')
  checkPunctual(timeline, findings, (job) => job.spec?.runAtDbMs === undefined)
  return findings
}
/** Jobs on their first attempt, that nothing but time held up. */
function checkPunctual(timeline, findings, isMeant) {
  const slots = new Slots(timeline)
  const { pollMs, slackMs } = timeline.bounds
  for (const job of timeline.jobs.values()) {
    const first = job.execs[0]
    if (first === undefined || first.start.attempt > 1 || !isMeant(job) || !isFree(timeline, job)) continue
    const ready = readyAt(timeline, job)
    if (ready === Infinity) continue
    const deadline = ready + pollMs + slackMs
    findings.examined++
    if (first.start.at <= deadline) continue
    const [free] = slots.freeWorkers(first.start.jobType, ready, deadline)
    if (free === undefined) continue
    const late = Math.round(first.start.at - ready)
    const sentence = `It started ${late} ms after it was ready, while ${free.name} had a free slot; ${pollMs + slackMs} ms are allowed.`
    findings.add(sentence, [job.meant[0]?.add.ok, first.start, free.started], [job.id])
  }
}
//# sourceMappingURL=start-times.js.map

import { RESUME_MS } from './bounds.js'
import { overlap } from './cause.js'
import { Slots } from './slots.js'
import { isTerminal, overAt } from './timeline.js'
import { Findings } from './violation.js'
/** On top of the lease. */
const RECOVER_MS = 2_000
/** G23: the jobs of a killed worker start elsewhere within L + 2 s, and work resumes within 5 s of the server's return. */
export function checkRecovery(timeline) {
  const findings = new Findings('G23')
  for (const { cut, gone, restart, tookMs, isFair, allowedMs } of recoveries(timeline)) {
    if (!isFair) continue
    findings.examined++
    if (tookMs <= allowedMs) continue
    const how = restart === undefined ? 'was not started again' : `started again after ${Math.round(tookMs)} ms`
    findings.add(
      `Its worker died, and it ${how}; ${allowedMs} ms are allowed.`,
      [cut.start, gone, restart?.start],
      [cut.job.id],
    )
  }
  for (const { fault, first, tookMs, isFair } of resumptions(timeline)) {
    if (!isFair) continue
    findings.examined++
    if (tookMs <= RESUME_MS + timeline.bounds.slackMs) continue
    findings.add(`Work resumed ${Math.round(tookMs)} ms after the server was back; ${RESUME_MS} ms are allowed.`, [
      fault,
      first,
    ])
  }
  return findings
}
export function recoveries(timeline) {
  const slots = new Slots(timeline)
  return [...timeline.workers.values()].flatMap((worker) => {
    const { gone } = worker
    if (gone === undefined || gone.signal !== 'SIGKILL') return []
    return worker.execs
      .filter((exec) => exec.end === undefined)
      .flatMap((cut) => recoveryOf(timeline, slots, cut, gone))
  })
}
function recoveryOf(timeline, slots, cut, gone) {
  const { job, worker, staleBy: restart } = cut
  if (isSettledOtherwise(cut)) return []
  const { leaseMs, slackMs } = timeline.bounds
  const allowedMs = leaseMs + RECOVER_MS + slackMs
  const until = gone.at + allowedMs
  const tookMs = (restart?.start.at ?? Infinity) - gone.at
  const isFair = until <= timeline.finishedAt && isPlain(job) && slots.someoneIsFree(cut.start.jobType, gone.at, until)
  return [{ worker: worker.name, cut, gone, restart, tookMs, isFair, allowedMs }]
}
/** Nobody has to take up what was taken over before, completed by its transaction, changed, or used up. */
function isSettledOtherwise(cut) {
  const { job, staleBy } = cut
  if (staleBy !== undefined && overlap(cut, staleBy)) return true
  if (cut.aborts.length > 0 || job.changes.length > 0) return true
  if (cut.reports.some(({ event }) => event.verb === 'transaction')) return true
  return staleBy === undefined && (job.states.some(isTerminal) || isLastAttempt(cut))
}
/** Whether neither time nor other jobs decide when it starts. */
function isPlain({ spec, changes }) {
  const waits = spec?.runAtDbMs !== undefined || spec?.dependsOn !== undefined
  return !waits && spec?.group === undefined && spec?.serial === undefined && changes.length === 0
}
function isLastAttempt({ start, job }) {
  return job.spec === undefined || start.attempt >= job.spec.maxAttempts
}
export function resumptions(timeline) {
  const servers = timeline.faults.filter(({ effect, to }) => effect === 'server' && to <= timeline.finishedAt)
  const starts = timeline.of('start')
  return servers.map(({ begin, to }) => {
    const first = starts.find((start) => start.at > to)
    const until = to + RESUME_MS + timeline.bounds.slackMs
    const others = timeline.faults.some(
      (fault) =>
        fault.begin !== begin &&
        fault.effect !== 'clock' &&
        fault.effect !== 'none' &&
        fault.from <= until &&
        fault.to >= to,
    )
    const isFair =
      !others && until <= timeline.finishedAt && isWorkWaiting(timeline, to) && someoneWorks(timeline, to, until)
    return { fault: begin, from: to, first, tookMs: (first?.at ?? Infinity) - to, isFair }
  })
}
/** A job that was added before, and begun for the first time only afterwards, or one that is begun again. */
function isWorkWaiting(timeline, at) {
  return [...timeline.jobs.values()].some((job) => {
    const acked = job.meant[0]?.add.ok?.at ?? Infinity
    const first = job.execs[0]?.start
    return isPlain(job) && acked < at && first?.attempt === 1 && first.at > at
  })
}
function someoneWorks(timeline, from, to) {
  return [...timeline.workers.values()].some((worker) => {
    const lives = worker.started !== undefined && worker.started.at <= from && worker.diedAt > to
    return lives && worker.drainBegin === undefined && hasRoom(worker, from)
  })
}
function hasRoom(worker, at) {
  const running = worker.execs.filter((exec) => exec.start.at <= at && overAt(exec) > at).length
  return running < (worker.started?.concurrency ?? 0)
}
//# sourceMappingURL=recovery.js.map

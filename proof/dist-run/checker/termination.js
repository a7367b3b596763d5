import { Slots } from './slots.js'
import { acknowledgedAt, isTerminal } from './timeline.js'
import { Findings } from './violation.js'
/**
 * G3: when faults have stopped, every acknowledged job that is due ends within B = L + S + P, and for each attempt its delay
 * and its run. A job whose time is not up when the run ends is undecided: neither held nor violated.
 */
export function checkTermination(timeline) {
  const findings = new Findings('G3')
  const slots = new Slots(timeline)
  for (const job of timeline.jobs.values()) {
    if (acknowledgedAt(timeline, job) === Infinity) continue
    const fate = fateOf(timeline, slots, job)
    if (fate === 'terminal' || fate === 'limbo') findings.examined++
    if (fate !== 'limbo') continue
    const last = job.states.at(-1)
    const sentence = `It is still ${last?.status ?? 'open'}, longer than any of its attempts could take after faults stopped.`
    findings.add(sentence, [job.meant[0]?.add.ok, job.execs.at(-1)?.start, timeline.quiet, last], [job.id])
  }
  return findings
}
export function fateOf(timeline, slots, job) {
  const { quiet, bounds } = timeline
  const last = job.states.at(-1)
  if (last === undefined) return 'undecided'
  if (isTerminal(last) || last.status === 'missing') return 'terminal'
  if (quiet === undefined) return 'undecided'
  if (isExcused(timeline, job, last)) return 'not-due'
  // As long as nobody has a free slot it waits for its turn.
  const free = slots.freeSince(job.spec?.jobType ?? '')
  const begins = Math.max(quiet.at, free, acknowledgedAt(timeline, job), dueAt(timeline, job), lastChange(job))
  return last.sentAt >= begins + boundOf(bounds, job) ? 'limbo' : 'undecided'
}
/** Delays are drawn between their least and twice that. */
function boundOf(bounds, job) {
  const attempts = job.spec?.maxAttempts ?? 1
  const delays = job.spec?.retryDelaysMs ?? []
  let total = 0
  for (let attempt = 1; attempt < attempts; attempt++) total += 2 * (delays[attempt - 1] ?? delays.at(-1) ?? 0)
  const run = Math.max(bounds.maxRunMs, job.spec?.timeoutMs ?? 0)
  return bounds.leaseMs + bounds.sweepMs + attempts * (bounds.pollMs + run + bounds.slackMs) + total
}
function dueAt(timeline, job) {
  const runAt = job.spec?.runAtDbMs
  return runAt === undefined ? 0 : timeline.clock.certainlyAt(runAt)
}
function lastChange(job) {
  return Math.max(0, ...job.changes.map((change) => change.answer?.at ?? change.call.at))
}
function isExcused(timeline, job, last) {
  if (last.status === 'waiting') return true
  return (job.spec?.dependsOn ?? []).some((ref) => {
    const prerequisite = jobOfRef(timeline, ref)
    if (prerequisite === undefined) return true
    const state = prerequisite.states.at(-1)
    if (state === undefined || !isTerminal(state)) return true
    return state.status !== 'completed' && job.spec?.onPrerequisiteFailed === 'wait'
  })
}
export function jobOfRef(timeline, ref) {
  const id = [...(timeline.idsOfRef.get(ref) ?? [])][0] ?? timeline.meant.get(ref)?.[0]?.id
  return id === undefined ? undefined : timeline.jobs.get(id)
}
//# sourceMappingURL=termination.js.map

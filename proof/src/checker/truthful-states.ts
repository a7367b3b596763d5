import { holdsUndisturbed } from './cause.ts'
import { jobOfRef } from './termination.ts'
import {
  type At,
  type Exec,
  isRestart,
  isTerminal,
  type Job,
  mayHaveHit,
  succeededAt,
  type Timeline,
} from './timeline.ts'
import { Findings, type Finding } from './violation.ts'

/**
 * G4: a job is reported completed only when a handler has succeeded, cancelled only when somebody cancelled it, as it is
 * while its handler runs; what is final stays so unless a caller restarts it; and nothing impossible is stored. That it was
 * the *current* execution that completed a job is G7's business.
 */
export function checkTruthfulStates(timeline: Timeline): Finding {
  const findings = new Findings('G4')
  for (const job of timeline.jobs.values()) {
    findings.examined += job.states.length
    checkCompleted(findings, job)
    checkCancelled(timeline, findings, job)
    checkFinal(timeline, findings, job)
    checkRunning(timeline, findings, job)
  }
  for (const row of timeline.of('invariant')) findings.add(`Impossible: ${row.invariant}: ${row.detail}`, [row])
  return findings
}

function checkCompleted(findings: Findings, job: Job): void {
  const completed = job.states.find((state) => state.status === 'completed')
  if (completed === undefined || job.execs.some((exec) => mayHaveCompleted(exec, completed.at))) return
  findings.add(
    'It is reported completed, but no handler of it had succeeded.',
    [job.execs.at(-1)?.end, completed],
    [job.id],
  )
}

/** A handler that was told that the fate of its transaction is unknown throws, and may have completed its job all the same. */
function mayHaveCompleted(exec: Exec, by: number): boolean {
  if (succeededAt(exec) <= by) return true
  return exec.reports.some(
    ({ event, error }) => event.verb === 'transaction' && error?.isUnknown === true && event.at <= by,
  )
}

function checkCancelled(timeline: Timeline, findings: Findings, job: Job): void {
  const cancelled = job.states.find((state) => state.status === 'cancelled')
  if (cancelled === undefined) return
  const wasAsked = job.changes.some((change) => change.call.verb === 'cancel' && mayHaveHit(change, 0, cancelled.at))
  if (wasAsked || mayFollowPrerequisites(timeline, job)) return
  findings.add('It is reported cancelled, but nobody cancelled it.', [cancelled], [job.id])
}

/** Whether a wrong cancellation for a prerequisite's sake is rightly one is G14's business. */
function mayFollowPrerequisites(timeline: Timeline, job: Job): boolean {
  return (job.spec?.dependsOn ?? []).some((ref) => jobOfRef(timeline, ref) !== undefined)
}

function checkFinal(timeline: Timeline, findings: Findings, job: Job): void {
  let final: At<'state'> | undefined
  for (const state of job.states) {
    // Readings that cross say nothing of what came first.
    if (final !== undefined && state.sentAt > final.at && state.status !== 'missing' && !isSame(final, state)) {
      if (!mayHaveReopened(timeline, job, final, state)) {
        findings.add(
          `It was ${final.status} for good, and then ${state.status}, though nobody restarted it.`,
          [final, state],
          [job.id],
        )
      }
      final = undefined
    }
    if (isTerminal(state)) final = state
  }
}

function isSame(a: At<'state'>, b: At<'state'>): boolean {
  return a.status === b.status && isTerminal(b)
}

function mayHaveReopened(timeline: Timeline, job: Job, before: At<'state'>, after: At<'state'>): boolean {
  if (job.changes.some((change) => isRestart(change) && mayHaveHit(change, before.sentAt, after.at))) return true
  return timeline.faults.some(({ effect, from, to }) => effect === 'lossy' && from <= after.at && to >= before.sentAt)
}

/** While a handler runs undisturbed its job is reported running. What an older execution did about it is G7's business. */
function checkRunning(timeline: Timeline, findings: Findings, job: Job): void {
  for (const { exec, state } of contradictions(timeline, job)) {
    if (olderDisturbance(exec, state) !== undefined) continue
    findings.add(`It is reported ${state.status} while its handler runs undisturbed.`, [exec.start, state], [job.id])
  }
}

/** Readings that say something else than `processing` of a job that one execution holds for certain. */
export function contradictions(
  timeline: Timeline,
  job: Job,
): readonly { readonly exec: Exec; readonly state: At<'state'> }[] {
  return job.states.flatMap((state) => {
    if (state.status === 'processing' || state.status === 'missing') return []
    const exec = job.execs.find((one) => one.start.at < state.sentAt && holdsUndisturbed(timeline, one, state.at))
    return exec === undefined ? [] : [{ exec, state }]
  })
}

/** The execution that has lost the job to `exec` and ended, or reported, before the reading. */
export function olderDisturbance(exec: Exec, state: At<'state'>): Exec | undefined {
  return exec.job.execs.find((other) => {
    if (other === exec || other.staleBy === undefined) return false
    const ended = other.end?.at ?? Infinity
    return ended >= exec.start.at && ended <= state.at
  })
}

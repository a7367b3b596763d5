import { TELL_MS } from './bounds.ts'
import { type Exec, isRestart, mayHaveHit, overAt, succeededAt, type Timeline } from './timeline.ts'

/** Why a job may have been run again. */
export type Cause =
  | 'threw'
  | 'snoozed'
  | 'waiting'
  | 'restarted'
  | 'died'
  | 'away'
  | 'timeout'
  | 'drained'
  | 'late-start'
  /** Its handler was done, and the answer to the record of that may have been lost. */
  | 'unknown-outcome'

/**
 * Why `next` was allowed to start after (or beside) `previous`, or undefined if there is no reason for it.
 *
 * What has been recorded of the faults contains what really happened, so a cause found here may have been none in truth, by
 * milliseconds; a missing cause is always a violation.
 */
export function causeOf(timeline: Timeline, previous: Exec, next: Exec): Cause | undefined {
  const began = next.start.at
  if (previous.end !== undefined && previous.end.at <= began) {
    const { outcome } = previous.end
    // What a hostile handler returns may be no JSON, and then the attempt fails though it returned.
    if (previous.job.spec?.hostile !== undefined) return 'threw'
    if (outcome === 'threw' || outcome === 'snoozed' || outcome === 'waiting') return outcome
  }
  const claimedFrom = earliestClaim(timeline, previous)
  if (previous.job.changes.some((change) => isRestart(change) && mayHaveHit(change, claimedFrom, began)))
    return 'restarted'
  if (isCommitted(previous)) return undefined
  if (diedBefore(timeline, previous, began)) return 'died'
  if (wasAway(timeline, previous, began)) return 'away'
  if (next.staleBy === previous && isLateStart(timeline, next)) return 'late-start'
  return toldToStop(previous, began) ?? lostAnswer(timeline, previous, began)
}

/** The reply to a claim takes no longer than this where nothing holds it up. */
const REPLY_MS = 1_000

/**
 * The earliest moment at which it may have been claimed: its handler begins only when the reply to the claim has arrived, and
 * whoever restarts the job in between takes it from an execution that has not begun.
 */
export function earliestClaim(timeline: Timeline, exec: Exec): number {
  const usual = exec.start.at - REPLY_MS - timeline.bounds.slackMs
  return exec.worker.hampered
    .within(usual, exec.start.at)
    .reduce((earliest, { from }) => Math.min(earliest, from - REPLY_MS), usual)
}

/** Whether its own transaction completed the job, and it was told so: nothing that befell it later matters. */
function isCommitted(exec: Exec): boolean {
  return exec.reports.some(({ event, ok }) => event.verb === 'transaction' && ok !== undefined)
}

/** Its process died while it ran, or before its end was recorded. */
function diedBefore({ bounds }: Timeline, exec: Exec, at: number): boolean {
  const { worker, end } = exec
  if (worker.diedAt > at) return false
  if (end === undefined) return true
  const recordedBy = worker.hampered.firstFree(end.at, bounds.settleMs) + bounds.settleMs
  return worker.diedAt <= recordedBy
}

/**
 * Whether its worker was out of reach for so long that its lease may have ended before `at`: while it held the job, or just
 * before it began, for a job claimed ahead and frozen.
 */
export function wasAway({ bounds }: Timeline, exec: Exec, at: number): boolean {
  const until = Math.min(at, exec.end === undefined ? Infinity : recordedBy(exec, exec.end.at, bounds.settleMs))
  return exec.worker.away
    .within(exec.start.at - TELL_MS, until)
    .some(({ from, to }) => Math.min(to, at) - from >= bounds.silenceMs)
}

/**
 * When its end must have been recorded. An outage that begins before work had to be resumed after the last one is the same outage to
 * whoever has something to record.
 */
function recordedBy({ worker }: Exec, endedAt: number, settleMs: number): number {
  return worker.recovering.firstFree(endedAt, settleMs) + settleMs
}

/** It had been claimed by a worker that was away afterwards, and was begun before the worker noticed. */
export function isLateStart({ bounds }: Timeline, exec: Exec): boolean {
  const begins = exec.start.at
  return exec.worker.away.within(begins - TELL_MS, begins).some(({ from, to }) => to - from >= bounds.silenceMs)
}

function toldToStop(exec: Exec, at: number): Cause | undefined {
  const abort = exec.aborts.find((one) => one.at <= at)
  if (abort?.reason === 'drain') return 'drained'
  return ranIntoTimeout(exec, at) ? 'timeout' : undefined
}

/** Whether it ran as long as it may. An early timeout is none: the limit has a tenth of tolerance for timers. */
export function ranIntoTimeout(exec: Exec, at: number): boolean {
  const limit = exec.job.spec?.timeoutMs
  if (limit === undefined) return false
  return Math.min(overAt(exec), at) - exec.start.at >= limit * 0.9
}

function lostAnswer({ bounds }: Timeline, exec: Exec, at: number): Cause | undefined {
  const ended = exec.end?.outcome === 'fatal' ? exec.end.at : succeededAt(exec)
  if (ended > at) return undefined
  const until = Math.min(at, ended + bounds.settleMs)
  return exec.worker.severed.intersects(ended, until) ? 'unknown-outcome' : undefined
}

/** Pairs of executions of a job in the order of their starts. */
export function successions(execs: readonly Exec[]): readonly (readonly [Exec, Exec])[] {
  return execs.slice(1).flatMap((next, index) => {
    const previous = execs[index]
    return previous === undefined ? [] : [[previous, next] as const]
  })
}

/** Whether nothing happened to it that could have taken the job from it up to `at`: it should hold it still. */
export function holdsUndisturbed(timeline: Timeline, exec: Exec, at: number): boolean {
  return (
    exec.start.at < at &&
    overAt(exec) > at &&
    succeededAt(exec) > at &&
    (exec.staleBy === undefined || exec.staleBy.start.at > at) &&
    !exec.aborts.some((abort) => abort.at <= at) &&
    !ranIntoTimeout(exec, at) &&
    !wasAway(timeline, exec, at) &&
    !isLateStart(timeline, exec) &&
    !exec.job.changes.some((change) => mayHaveHit(change, earliestClaim(timeline, exec), at)) &&
    !exec.waits.some((wait) => wait.at <= at)
  )
}

/** Whether `previous` was running when `next` began. */
export function overlap(previous: Exec, next: Exec): boolean {
  return overAt(previous) > next.start.at
}

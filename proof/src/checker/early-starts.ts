import { earliestClaim, successions, wasAway } from './cause.ts'
import type { Recorded } from '../history/event.ts'
import { type Exec, isRestart, type Job, mayHaveHit, type Timeline } from './timeline.ts'

/** Clocks are compared to this. */
const GRAIN_MS = 2

/** An execution that began before its time. */
export interface EarlyStart {
  readonly exec: Exec
  readonly sentence: string
  readonly events: readonly (Recorded | undefined)[]
}

/** What a search for early starts saw. */
export interface EarlyStarts {
  readonly examined: number
  readonly found: readonly EarlyStart[]
}

/** Executions that began before `runAt` by the database's clock. */
export function startsBeforeRunAt(timeline: Timeline): EarlyStarts {
  let examined = 0
  const found: EarlyStart[] = []
  if (!timeline.clock.isKnown) return { examined, found }
  for (const job of timeline.jobs.values()) {
    const runAt = job.spec?.runAtDbMs
    if (runAt === undefined || job.changes.some(movesRunAt)) continue
    for (const exec of job.execs) {
      examined++
      const early = runAt - timeline.clock.latest(exec.start.at)
      if (early <= GRAIN_MS) continue
      const sentence = `It started ${Math.round(early)} ms before its \`runAt\`, by the database's clock.`
      found.push({ exec, sentence, events: [job.meant[0]?.add.event, exec.start] })
    }
  }
  return { examined, found }
}

/** Executions that began before the delay after a failure was over. */
export function startsBeforeRetry(timeline: Timeline): EarlyStarts {
  let examined = 0
  const found: EarlyStart[] = []
  for (const job of timeline.jobs.values()) {
    for (const [previous, next] of successions(job.execs)) {
      if (!hadToWait(timeline, previous, next)) continue
      examined++
      const early = beforeDelay(previous, next) ?? beforeStoredTime(timeline, job, previous, next)
      if (early !== undefined) found.push(early)
    }
  }
  return { examined, found }
}

/** Whether `next` follows a failure that was recorded as such, and nothing else made it start. */
function hadToWait(timeline: Timeline, previous: Exec, next: Exec): boolean {
  const { end, worker, job } = previous
  if (end?.outcome !== 'threw' || previous.staleBy !== next || previous.aborts.length > 0) return false
  const recordedBy = end.at + timeline.bounds.settleMs
  if (worker.hampered.intersects(end.at, recordedBy) || worker.diedAt <= recordedBy) return false
  const claimedFrom = earliestClaim(timeline, previous)
  if (wasAway(timeline, previous, next.start.at) || databaseClockMoved(timeline, previous, next)) return false
  return !job.changes.some(
    // From the claim on: a handler may begin after a retry took the job from it.
    (change) => (isRestart(change) || movesRunAt(change)) && mayHaveHit(change, claimedFrom, next.start.at),
  )
}

function beforeDelay(previous: Exec, next: Exec): EarlyStart | undefined {
  const delays = previous.job.spec?.retryDelaysMs ?? []
  const delay = delays[previous.start.attempt - 1] ?? delays.at(-1)
  if (delay === undefined || previous.end === undefined) return undefined
  const waited = next.start.at - previous.end.at
  // Two clocks may run apart by a thousandth.
  if (waited >= delay * 0.999 - GRAIN_MS) return undefined
  const sentence = `It started ${Math.round(waited)} ms after a failure, and at least ${delay} ms were due.`
  return { exec: next, sentence, events: [previous.end, next.start] }
}

function beforeStoredTime(timeline: Timeline, job: Job, previous: Exec, next: Exec): EarlyStart | undefined {
  if (!timeline.clock.isKnown) return undefined
  const shown = timeline.clock.latest(next.start.at)
  const state = job.states.find(
    ({ sentAt, at, nextAttemptDbMs }) =>
      nextAttemptDbMs !== undefined &&
      sentAt > (previous.end?.at ?? Infinity) &&
      at < next.start.at &&
      nextAttemptDbMs - shown > GRAIN_MS,
  )
  if (state === undefined) return undefined
  return {
    exec: next,
    sentence: 'It started before its stored `nextAttemptAt`.',
    events: [previous.end, state, next.start],
  }
}

function movesRunAt({ call }: { readonly call: { readonly runAtDbMs?: number } }): boolean {
  return call.runAtDbMs !== undefined
}

function databaseClockMoved(timeline: Timeline, previous: Exec, next: Exec): boolean {
  return timeline.faults.some(
    ({ effect, workers, from, to }) =>
      effect === 'clock' && workers === undefined && from <= next.start.at && to >= previous.start.at,
  )
}

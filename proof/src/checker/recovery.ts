import { RESUME_MS } from './bounds.ts'
import { overlap } from './cause.ts'
import { isFree, readyAt } from './ready.ts'
import { Slots } from './slots.ts'
import type { Span } from './spans.ts'
import { type At, type Exec, isTerminal, type Job, overAt, type Timeline, type Worker } from './timeline.ts'
import type { Fault } from './troubles.ts'
import { Findings, type Finding } from './violation.ts'

/** On top of the lease. */
const RECOVER_MS = 2_000

/** What a killed worker left behind, and when it was taken up again. */
export interface Recovery {
  readonly worker: string
  readonly cut: Exec
  readonly gone: At<'worker-gone'>
  /** Undefined: it was not started again. */
  readonly restart: Exec | undefined
  /** From the end of the process to the next start. */
  readonly tookMs: number
  /** Whether it counts: it was in time, or nothing but the recovery itself can have made it late. */
  readonly isFair: boolean
  /** Whether nothing else was wrong with anybody from the kill on, and somebody had room once the lease had ended. */
  readonly isAlone: boolean
  readonly allowedMs: number
}

/** How long after a server came back the first handler started. */
export interface Resumption {
  readonly fault: At<'fault'>
  /** The server was back, and there was work. */
  readonly from: number
  readonly first: At<'start'> | undefined
  readonly tookMs: number
  /** Whether there was somebody to do it, and no further fault before it was done or overdue. */
  readonly isFair: boolean
}

/** G23: the jobs of a killed worker start elsewhere within L + 2 s, and work resumes within 5 s of the server's return. */
export function checkRecovery(timeline: Timeline): Finding {
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

export function recoveries(timeline: Timeline): readonly Recovery[] {
  const slots = new Slots(timeline)
  return [...timeline.workers.values()].flatMap((worker) => {
    const { gone } = worker
    if (gone === undefined || gone.signal !== 'SIGKILL') return []
    return worker.execs
      .filter((exec) => exec.end === undefined)
      .flatMap((cut) => recoveryOf(timeline, slots, cut, gone))
  })
}

function recoveryOf(timeline: Timeline, slots: Slots, cut: Exec, gone: At<'worker-gone'>): readonly Recovery[] {
  const { job, worker, staleBy: restart } = cut
  if (isSettledOtherwise(cut)) return []
  const { leaseMs, slackMs } = timeline.bounds
  const allowedMs = leaseMs + RECOVER_MS + slackMs
  const until = gone.at + allowedMs
  const tookMs = (restart?.start.at ?? Infinity) - gone.at
  // In time whatever else went wrong; or late, though somebody was at work and had room since the lease ended.
  const isFair =
    tookMs <= allowedMs ||
    (until <= timeline.finishedAt && isPlain(job) && slots.someoneIsFree(cut.start.jobType, gone.at + leaseMs, until))
  const isTroubled = timeline.faults.some((fault) => isTrouble(fault, gone.at, gone.at + Math.min(tookMs, allowedMs)))
  const over = gone.at + Math.min(tookMs, allowedMs)
  const isAlone = !isTroubled && slots.someoneIsFree(cut.start.jobType, Math.min(gone.at + leaseMs, over), over)
  return [{ worker: worker.name, cut, gone, restart, tookMs, isFair, isAlone, allowedMs }]
}

/** A fault of any process or the server in the time, but for those that end a process and leave the others alone. */
function isTrouble({ effect, from, to }: Fault, since: number, until: number): boolean {
  return effect !== 'clock' && effect !== 'none' && effect !== 'kill' && from <= until && to >= since
}

/** Nobody has to take up what was taken over before, completed by its transaction, changed, or used up. */
function isSettledOtherwise(cut: Exec): boolean {
  const { job, staleBy } = cut
  if (staleBy !== undefined && overlap(cut, staleBy)) return true
  if (cut.aborts.length > 0 || job.changes.length > 0) return true
  if (cut.reports.some(({ event }) => event.verb === 'transaction')) return true
  return staleBy === undefined && (job.states.some(isTerminal) || isLastAttempt(cut))
}

/** Whether neither time nor other jobs decide when it starts. */
function isPlain({ spec, changes }: Job): boolean {
  const waits = spec?.runAtDbMs !== undefined || spec?.dependsOn !== undefined
  return !waits && spec?.group === undefined && spec?.serial === undefined && changes.length === 0
}

function isLastAttempt({ start, job }: Exec): boolean {
  return job.spec === undefined || start.attempt >= job.spec.maxAttempts
}

export function resumptions(timeline: Timeline): readonly Resumption[] {
  const servers = timeline.faults.filter(({ effect, to }) => effect === 'server' && to <= timeline.finishedAt)
  if (servers.length === 0) return []
  const waiting = [...timeline.jobs.values()].flatMap((job) => waitOf(timeline, job))
  return servers.map((server) => {
    const { begin, to } = server
    const ready = waiting.reduce((least, wait) => (wait.to > to ? Math.min(least, wait.from) : least), Infinity)
    const from = Math.max(to, ready)
    const first = firstStartAfter(timeline, to)
    const tookMs = Math.max(0, (first?.at ?? Infinity) - from)
    const until = from + RESUME_MS + timeline.bounds.slackMs
    const isFair =
      from < Infinity &&
      until <= timeline.finishedAt &&
      !othersIntervene(timeline, server, Math.min(first?.at ?? Infinity, until)) &&
      (tookMs <= RESUME_MS || someoneWorks(timeline, from, until))
    return { fault: begin, from, first, tookMs, isFair }
  })
}

/** From when until when a job had nothing to wait for but a worker. */
function waitOf(timeline: Timeline, job: Job): readonly Span[] {
  const first = job.execs[0]?.start
  if (!isFree(timeline, job) || first === undefined || first.attempt > 1) return []
  return [{ from: readyAt(timeline, job), to: first.at }]
}

function firstStartAfter(timeline: Timeline, at: number): At<'start'> | undefined {
  const starts = timeline.of('start')
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((starts[middle]?.at ?? Infinity) <= at) low = middle + 1
    else high = middle
  }
  return starts[low]
}

function othersIntervene(timeline: Timeline, server: Fault, until: number): boolean {
  return timeline.faults.some(
    (fault) =>
      fault !== server &&
      fault.effect !== 'clock' &&
      fault.effect !== 'none' &&
      fault.from <= until &&
      fault.to >= server.to,
  )
}

function someoneWorks(timeline: Timeline, from: number, to: number): boolean {
  return [...timeline.workers.values()].some((worker) => {
    const lives = worker.started !== undefined && worker.started.at <= from && worker.diedAt > to
    return lives && worker.drainBegin === undefined && hasRoom(worker, from)
  })
}

function hasRoom(worker: Worker, at: number): boolean {
  const running = worker.execs.filter((exec) => exec.start.at <= at && overAt(exec) > at).length
  return running < (worker.started?.concurrency ?? 0)
}

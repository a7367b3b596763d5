import type { Recorded } from '../history/event.ts'
import { type At, type Exec, overAt, type Timeline } from './timeline.ts'

/** A call, and how long it was left without an answer when nothing stood in its way. */
export interface Call {
  readonly event: Recorded
  readonly answer: Recorded | undefined
  /** From the end of the last fault that may have held it up. */
  readonly waitedMs: number
  /** Whether connections were in trouble while it was under way. */
  readonly wasSevered: boolean
}

/** All calls of producers and handlers. */
export function calls(timeline: Timeline): readonly Call[] {
  const asked: [Recorded, Recorded | undefined][] = []
  for (const { event, ok, error } of timeline.adds) asked.push([event, ok ?? error])
  // A change by filter is filed under every job it may have hit.
  const changes = new Set([...timeline.jobs.values()].flatMap((job) => job.changes))
  for (const { call, answer, error } of changes) asked.push([call, answer ?? error])
  for (const job of timeline.jobs.values()) {
    for (const exec of job.execs) {
      // A handler that is over does not wait for answers.
      for (const { event, ok, error } of exec.reports) if (overAt(exec) === Infinity) asked.push([event, ok ?? error])
    }
  }
  return asked.flatMap(([event, answer]) => callOf(timeline, event, answer))
}

function callOf(timeline: Timeline, event: Recorded, answer: Recorded | undefined): readonly Call[] {
  const worker = timeline.workers.get(event.process)
  const diedAt = worker?.diedAt ?? Infinity
  const until = Math.min(answer?.at ?? timeline.finishedAt, diedAt)
  const { recovering, severed } = worker ?? timeline.common
  const free = recovering.within(event.at, until).reduce((latest, span) => Math.max(latest, span.to), event.at)
  return [{ event, answer, waitedMs: until - free, wasSevered: severed.intersects(event.at, until) }]
}

/** A process that ended though nobody killed it or asked it to leave. */
export interface Crash {
  readonly event: At<'worker-gone'>
  /** A hostile handler that ran in it then, or just before. */
  readonly hostile: Exec | undefined
}

/** A handler's mischief may show this long after it. */
const AFTERMATH_MS = 2_000

export function crashes(timeline: Timeline): readonly Crash[] {
  return timeline.of('worker-gone').flatMap((event) => {
    const worker = timeline.workers.get(event.worker)
    const wasKilled = worker !== undefined && worker.diedAt < event.at
    if (event.expected || wasKilled || (event.code === 0 && worker?.drainBegin !== undefined)) return []
    const around = worker?.execs.filter((exec) => (exec.end?.at ?? Infinity) >= event.at - AFTERMATH_MS) ?? []
    if (around.some((exec) => exec.job.spec?.hostile === 'exit')) return []
    return [{ event, hostile: around.find((exec) => exec.job.spec?.hostile === 'contained') }]
  })
}

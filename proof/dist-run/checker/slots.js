import { Spans } from './spans.js'
import { overAt, staleFrom } from './timeline.js'
/** Who had room for another job when. */
export class Slots {
  #timeline
  #full = new Map()
  constructor(timeline) {
    this.#timeline = timeline
    for (const worker of timeline.workers.values()) this.#full.set(worker.name, fullSpans(worker))
  }
  /** Whether some worker that takes such jobs was at work, unhampered, with a free slot, for the whole window. */
  someoneIsFree(jobType, from, to) {
    return this.freeWorkers(jobType, from, to).length > 0
  }
  freeWorkers(jobType, from, to) {
    return [...this.#timeline.workers.values()].filter(
      (worker) =>
        takes(worker, jobType) &&
        isAtWork(worker, from, to) &&
        !worker.recovering.intersects(from, to) &&
        !(this.#full.get(worker.name)?.intersects(from, to) ?? false),
    )
  }
  /** From when on a worker that lives to the end has had room for such jobs all the time; Infinity: none. */
  freeSince(jobType) {
    const times = [...this.#timeline.workers.values()]
      .filter((worker) => takes(worker, jobType) && worker.drainBegin === undefined && worker.diedAt === Infinity)
      .map((worker) => Math.max(worker.started?.at ?? Infinity, this.#full.get(worker.name)?.all.at(-1)?.to ?? 0))
    return Math.min(Infinity, ...times)
  }
}
function takes({ started }, jobType) {
  return started !== undefined && (started.jobTypes === undefined || started.jobTypes.includes(jobType))
}
function isAtWork(worker, from, to) {
  const begins = worker.started?.at ?? Infinity
  return begins <= from && worker.diedAt > to && (worker.drainBegin?.at ?? Infinity) > to
}
function fullSpans(worker) {
  const { started } = worker
  if (started === undefined) return new Spans([])
  const full = []
  let since
  for (const { at, running } of occupancy(worker.execs, (exec) => ({ from: exec.start.at, to: overAt(exec) }))) {
    if (running >= started.concurrency) since ??= at
    else if (since !== undefined) {
      full.push({ from: since, to: at })
      since = undefined
    }
  }
  if (since !== undefined) full.push({ from: since, to: Infinity })
  return new Spans(full)
}
/** How many run after each beginning and end. What ends when another begins does not run beside it. */
export function occupancy(execs, spanOf) {
  const edges = execs.flatMap((exec) => {
    const { from, to } = spanOf(exec)
    if (to <= from) return []
    const begin = { at: from, step: 1, begun: exec }
    return to === Infinity ? [begin] : [begin, { at: to, step: -1, begun: undefined }]
  })
  edges.sort((a, b) => a.at - b.at || a.step - b.step)
  let running = 0
  return edges.map(({ at, step, begun }) => ({ at, running: (running += step), begun }))
}
/**
 * While an execution counts against a limit: from its start until it ended, was told to stop, was taken over or restarted by
 * somebody, its process died, or the lease of a worker out of reach may have ended.
 */
export function heldSpan(timeline, exec) {
  const { silenceMs } = timeline.bounds
  const from = exec.start.at
  const over = Math.min(overAt(exec), staleFrom(exec), exec.aborts[0]?.at ?? Infinity)
  const away = exec.worker.away
    .within(from - silenceMs, over)
    .find((span) => span.to - span.from >= silenceMs && span.from + silenceMs <= over)
  const change = exec.job.changes.find(({ call }) => call.at >= from && call.at <= over)
  const lost = away === undefined ? Infinity : Math.max(from, away.from + silenceMs)
  return { from, to: Math.min(over, lost, change?.call.at ?? Infinity) }
}
//# sourceMappingURL=slots.js.map

import { overAt } from './timeline.js'
/** All calls of producers and handlers. */
export function calls(timeline) {
  const asked = []
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
function callOf(timeline, event, answer) {
  const worker = timeline.workers.get(event.process)
  const diedAt = worker?.diedAt ?? Infinity
  const until = Math.min(answer?.at ?? timeline.finishedAt, diedAt)
  const { recovering, severed } = worker ?? timeline.common
  const free = recovering.within(event.at, until).reduce((latest, span) => Math.max(latest, span.to), event.at)
  return [{ event, answer, waitedMs: until - free, wasSevered: severed.intersects(event.at, until) }]
}
/** A handler's mischief may show this long after it. */
const AFTERMATH_MS = 2_000
export function crashes(timeline) {
  return timeline.of('worker-gone').flatMap((event) => {
    const worker = timeline.workers.get(event.worker)
    const wasKilled = worker !== undefined && worker.diedAt < event.at
    if (event.expected || wasKilled || (event.code === 0 && worker?.drainBegin !== undefined)) return []
    const around = worker?.execs.filter((exec) => (exec.end?.at ?? Infinity) >= event.at - AFTERMATH_MS) ?? []
    if (around.some((exec) => exec.job.spec?.hostile === 'exit')) return []
    return [{ event, hostile: around.find((exec) => exec.job.spec?.hostile === 'contained') }]
  })
}
//# sourceMappingURL=calls.js.map

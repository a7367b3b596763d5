import { groupBy } from './group-by.js'
import { isFree, readyAt } from './ready.js'
import { overAt } from './timeline.js'
/** What is ready for less than this may not have been seen by a claim: between two full looks at the queue. */
const LOOK_MS = 1_000
/**
 * On a worker that runs one job at a time nothing starts while a job of higher priority, or an older one of the same, has been
 * ready since well before that worker was last free. Only then can it be said what the claim had to choose from.
 */
export function checkPriority(timeline, findings) {
  const workers = [...timeline.workers.values()]
  if (workers.some(({ started }) => started?.jobTypes !== undefined)) return
  const candidates = [...timeline.jobs.values()].flatMap((job) => candidateOf(timeline, job))
  const choices = workers.filter(({ started }) => started?.concurrency === 1).flatMap(({ execs }) => choicesOf(execs))
  choices.sort((a, b) => a.exec.start.at - b.exec.start.at)
  const byJob = new Map(candidates.map((candidate) => [candidate.job, candidate]))
  const levels = [...groupBy(candidates, ({ priority }) => priority).values()].map((members) => new Level(members))
  for (const { exec, freeAt } of choices) {
    const chosen = byJob.get(exec.job)
    if (chosen === undefined || exec !== exec.job.execs[0]) continue
    findings.examined++
    if (exec.worker.recovering.intersects(freeAt - LOOK_MS, exec.start.at)) continue
    for (const level of levels) {
      const passed = level.firstWaiting(exec.start.at)
      if (passed === undefined || passed.readyAt > freeAt - LOOK_MS || !goesFirst(passed, chosen)) continue
      const events = [passed.job.meant[0]?.add.ok, exec.start, passed.job.execs[0]?.start]
      const jobs = [exec.job.id, passed.job.id]
      findings.add('It started before a job that was ready earlier and comes first.', events, jobs)
    }
  }
}
/** Jobs of one priority, by when they were ready. */
class Level {
  #members
  #next = 0
  constructor(members) {
    this.#members = members.toSorted((a, b) => a.readyAt - b.readyAt)
  }
  /**
   * That which was ready first of those not started by `at`, nor within the time another worker may take to begin what it has
   * claimed. To be asked in the order of time.
   */
  firstWaiting(at) {
    while ((this.#members[this.#next]?.startedAt ?? Infinity) <= at + LOOK_MS) this.#next++
    return this.#members[this.#next]
  }
}
function goesFirst(passed, chosen) {
  if (passed.priority !== chosen.priority) return passed.priority > chosen.priority
  return passed.readyAt < chosen.notReadyBefore
}
function candidateOf(timeline, job) {
  const first = job.execs[0]
  if (first === undefined || first.start.attempt > 1 || !isFree(timeline, job)) return []
  const ready = readyAt(timeline, job)
  const added = job.meant[0]?.add.event.at ?? Infinity
  const { runAtDbMs, priority = 0 } = job.spec ?? {}
  const notReadyBefore = runAtDbMs === undefined ? added : Math.max(added, ready - LOOK_MS)
  return [{ job, priority, readyAt: ready, notReadyBefore, startedAt: first.start.at }]
}
/** Each start of a worker of concurrency 1, and since when it had been free to choose. */
function choicesOf(execs) {
  return execs.slice(1).flatMap((exec, index) => {
    const before = execs[index]
    return before === undefined ? [] : [{ exec, freeAt: overAt(before) }]
  })
}
//# sourceMappingURL=start-order.js.map

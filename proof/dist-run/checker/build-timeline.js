import { boundsOf } from './bounds.js'
import { DbClock } from './db-clock.js'
import { groupBy } from './group-by.js'
import { Registry } from './registry.js'
import { pairFaults, troublesOf } from './troubles.js'
/**
 * Arranges a history in one pass. Events after `finished` do not count: whoever stops the run stops it in the middle of
 * something.
 *
 * @param params - Default: those of the `run` event.
 */
export function buildTimeline(history, params) {
  const events = untilFinished(history)
  const given = params ?? events.find(isRun)?.params
  if (given === undefined) throw new Error('The history has no `run` event, and no parameters were given.')
  const bounds = boundsOf(given)
  const byType = groupBy(events, (event) => event.type)
  const of = (type) => byType.get(type) ?? []
  const faults = pairFaults(of('fault'), bounds)
  const registry = new Registry(troublesByWorker(faults, of('stall'), bounds))
  for (const event of events) registry.take(event)
  registry.finish(killTimes(faults))
  const last = events.at(-1)
  return {
    events,
    bounds,
    clock: new DbClock(of('db-clock')),
    jobs: registry.jobs,
    adds: registry.adds,
    meant: registry.meant,
    idsOfRef: registry.idsOfRef,
    workers: registry.workers,
    faults,
    common: troublesOf(undefined, faults, [], bounds),
    quiet: of('quiet')[0],
    finishedAt: last?.at ?? 0,
    committed: new Map(of('tx-end').flatMap((end) => (end.outcome === 'committed' ? [[end.tx, end]] : []))),
    inventory: of('inventory').at(-1),
    of,
  }
}
function untilFinished(history) {
  const finished = history.findIndex((event) => event.type === 'finished')
  return finished === -1 ? history : history.slice(0, finished + 1)
}
function isRun(event) {
  return event.type === 'run'
}
function troublesByWorker(faults, stalls, bounds) {
  const stallsOf = groupBy(stalls, (stall) => stall.process)
  return (worker) => troublesOf(worker, faults, stallsOf.get(worker) ?? [], bounds)
}
/** When each killed worker was sent its signal: it may have been dead from then on, though that is seen later. */
function killTimes(faults) {
  const times = new Map()
  for (const { effect, workers, from } of faults) {
    if (effect !== 'kill') continue
    for (const worker of workers ?? []) times.set(worker, Math.min(times.get(worker) ?? Infinity, from))
  }
  return times
}
//# sourceMappingURL=build-timeline.js.map

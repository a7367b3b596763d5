import type { EventOf, EventType, HistoryEvent, Recorded } from '../history/event.ts'
import type { RunParams } from '../history/run-event.ts'
import { type Bounds, boundsOf } from './bounds.ts'
import { DbClock } from './db-clock.ts'
import { groupBy } from './group-by.ts'
import { Registry } from './registry.ts'
import type { At, Timeline } from './timeline.ts'
import { type Fault, pairFaults, troublesOf } from './troubles.ts'

/**
 * Arranges a history in one pass. Events after `finished` do not count: whoever stops the run stops it in the middle of
 * something.
 *
 * @param params - Default: those of the `run` event.
 */
export function buildTimeline(history: readonly Recorded[], params?: RunParams): Timeline {
  const events = untilFinished(history)
  const given = params ?? events.find(isRun)?.params
  if (given === undefined) throw new Error('The history has no `run` event, and no parameters were given.')
  const bounds = boundsOf(given)
  const byType = groupBy(events, (event) => event.type)
  const of = <T extends EventType>(type: T): readonly At<T>[] => (byType.get(type) ?? []) as unknown as readonly At<T>[]
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

function untilFinished(history: readonly Recorded[]): readonly Recorded[] {
  const finished = history.findIndex((event) => event.type === 'finished')
  return finished === -1 ? history : history.slice(0, finished + 1)
}

function isRun(event: Recorded): event is Recorded<Extract<HistoryEvent, { type: 'run' }>> {
  return event.type === 'run'
}

function troublesByWorker(faults: readonly Fault[], stalls: readonly Recorded<EventOf<'stall'>>[], bounds: Bounds) {
  const stallsOf = groupBy(stalls, (stall) => stall.process)
  return (worker: string) => troublesOf(worker, faults, stallsOf.get(worker) ?? [], bounds)
}

/** When each killed worker was sent its signal: it may have been dead from then on, though that is seen later. */
function killTimes(faults: readonly Fault[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const { effect, workers, from } of faults) {
    if (effect !== 'kill') continue
    for (const worker of workers ?? []) times.set(worker, Math.min(times.get(worker) ?? Infinity, from))
  }
  return times
}

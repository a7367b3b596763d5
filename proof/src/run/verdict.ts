import type { Recorded } from '../history/event.ts'
import { readHistory } from '../history/read-history.ts'
import type { RunOutcome } from './run.ts'

/** A run in numbers, and what is wrong with it. */
export interface Verdict {
  readonly seed: number
  readonly conditions: readonly string[]
  readonly injected: ReadonlyMap<string, number>
  readonly counts: Counts
  /** One sentence each, with the events that show it. */
  readonly violations: readonly string[]
}

interface Counts {
  readonly acknowledged: number
  readonly executions: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  readonly processesGone: number
  readonly unknownAdds: number
  readonly repliesLost: number
  /** Executions that ended well, unaborted, although one before had. */
  readonly runAgain: number
}

export function judge(seed: number, folder: string, outcome: RunOutcome): Verdict {
  const { events } = readHistory(folder)
  return {
    seed,
    conditions: outcome.conditions,
    injected: outcome.injected,
    counts: count(events, outcome.repliesLost),
    violations: [...outcome.problems],
  }
}

function count(events: readonly Recorded[], repliesLost: number): Counts {
  const inventory = events.findLast((event) => event.type === 'inventory')
  const last = new Map<number, string>()
  const jobOf = new Map<string, number>()
  const endedWell = new Map<number, number>()
  const aborted = new Set<string>()
  let acknowledged = 0
  for (const event of events) {
    if (event.type === 'add-ok') acknowledged += event.ids.length
    if (event.type === 'start') jobOf.set(event.exec, event.job)
    if (event.type === 'abort') aborted.add(event.exec)
    if (event.type === 'end' && event.outcome === 'ok' && !aborted.has(event.exec)) {
      const job = jobOf.get(event.exec) ?? 0
      endedWell.set(job, (endedWell.get(job) ?? 0) + 1)
    }
    if (event.type === 'state' && inventory !== undefined && event.sentAt >= inventory.sentAt)
      last.set(event.job, event.status)
  }
  const statuses = [...last.values()]
  const ofStatus = (status: string): number => statuses.filter((each) => each === status).length
  const ofType = (type: string): number => events.filter((event) => event.type === type).length
  return {
    acknowledged,
    executions: ofType('start'),
    completed: ofStatus('completed'),
    failed: ofStatus('failed'),
    cancelled: ofStatus('cancelled'),
    processesGone: ofType('worker-gone'),
    unknownAdds: events.filter((event) => event.type === 'add-error' && event.outcome === 'unknown').length,
    repliesLost,
    runAgain: [...endedWell.values()].reduce((sum, times) => sum + times - 1, 0),
  }
}

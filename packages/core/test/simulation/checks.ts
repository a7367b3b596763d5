import { attemptsOf, type AttemptRecord, type Attempts } from './attempts.ts'
import type { History } from './history.ts'
import type { Scenario } from './scenario.ts'

/** A worker that can run must have told a handler within this long that its attempt is not its own any more (G7). */
const TOLD_WITHIN_MS = 3000

/** Settled in these ways, an attempt does not count. */
const FREE = new Set(['released', 'snoozed'])

/** What is wrong in this history; each line names the job, or the processor. Empty when it is as promised. */
export function checkHistory(history: History, scenario: Scenario): string[] {
  const attempts = attemptsOf(history)
  const troubles = troublesOf(history)
  return [
    ...attempts.violations,
    ...attempts.all.flatMap((attempt) => checkOutcome(attempt)),
    ...attempts.all.flatMap((attempt) => checkRescue(attempt, attempts, troubles)),
    ...attempts.all.flatMap((attempt) => checkTold(attempt, troubles, history)),
    ...checkAttemptLimits(history, attempts),
    ...checkStops(history),
    ...checkCancels(history),
    ...checkConcurrency(attempts, history),
    ...checkGroups(attempts, history, scenario),
    ...(scenario.isCalm ? checkCalm(attempts) : []),
  ]
}

/** G4, G5: one call of the handler per attempt; recorded as completed if and only if it returned, and of its own accord. */
function checkOutcome({ id, token, starts, over, endedAt, abortedAt, how }: AttemptRecord): string[] {
  const violations: string[] = []
  if (starts > 1) violations.push(`job ${id}: the handler was called ${starts} times under token ${token}`)
  const hasReturned = how === 'returned' && endedAt !== undefined
  if (over?.by === 'completed' && !(hasReturned && endedAt <= over.at))
    violations.push(`job ${id}: completed under token ${token}, but its handler has not returned`)
  const isOwn =
    hasReturned && (abortedAt === undefined || abortedAt > endedAt) && (over === undefined || over.at > endedAt)
  if (isOwn && over !== undefined && !['completed', 'rescued', 'revoked'].includes(over.by))
    violations.push(`job ${id}: its handler returned under token ${token}, which was recorded as ${over.by}`)
  return violations
}

/** When a process could not be expected to keep its leases: from, to. */
type Troubles = ReadonlyMap<string, readonly (readonly [number, number])[]>

const EVERYBODY = ''

function troublesOf(history: History): Troubles {
  const troubles = new Map<string, (readonly [number, number])[]>()
  const add = (process: string, from: number, forMs: number): void => {
    troubles.set(process, [...(troubles.get(process) ?? []), [from, from + forMs]])
  }
  for (const entry of history.entries) {
    const { at, kind } = entry
    if (kind === 'killed') add(entry.process, at, Number.POSITIVE_INFINITY)
    if (kind === 'stalled' || kind === 'cut off') add(entry.process, at, entry.forMs)
    if (kind === 'server down') add(EVERYBODY, at, entry.forMs)
    // A reply that never comes is waited for as long as the driver waits.
    if (kind === 'call' && entry.fate !== 'ok') add(entry.process, at, entry.fate === 'refused' ? 1000 : 30_000)
  }
  return troubles
}

function wasTroubled(troubles: Troubles, process: string, from: number, to: number): boolean {
  return [...(troubles.get(process) ?? []), ...(troubles.get(EVERYBODY) ?? [])].some(
    ([start, end]) => start <= to && end >= from,
  )
}

/** G6: a worker that runs and reaches the store keeps its jobs. */
function checkRescue(attempt: AttemptRecord, { workers }: Attempts, troubles: Troubles): string[] {
  const { id, token, over, process } = attempt
  if (over?.by !== 'rescued' || process === undefined) return []
  const leaseMs = workers.get(attempt.worker)?.leaseMs ?? 0
  if (wasTroubled(troubles, process, over.at - 2 * leaseMs, over.at)) return []
  return [`job ${id}: taken from ${process} under token ${token} at ${over.at}, where nothing was wrong`]
}

/** G7, G22: a handler that must stop is told soon; of a lost lease even if its process is cut off from whoever took it. */
function checkTold(attempt: AttemptRecord, troubles: Troubles, history: History): string[] {
  const { id, token, over, process, startedAt, endedAt, abortedAt, cancelAskedAt } = attempt
  if (process === undefined || startedAt === undefined) return []
  const stoppedAt = Math.min(endedAt ?? Number.POSITIVE_INFINITY, abortedAt ?? Number.POSITIVE_INFINITY)
  const lastAt = history.entries.at(-1)?.at ?? 0
  const told = (since: number, why: string): string[] => {
    const tellBy = Math.max(since, startedAt) + TOLD_WITHIN_MS
    return stoppedAt <= tellBy || lastAt < tellBy
      ? []
      : [
          `job ${id}: ${why} under token ${token} at ${Math.round(since)}, its handler was told nothing by ${Math.round(tellBy)}`,
        ]
  }
  if (over?.by === 'rescued') {
    const since = runsSince(history, process, Math.max(over.at, startedAt))
    return since === undefined ? [] : told(since, 'rescued')
  }
  const askedAt = over?.by === 'revoked' ? over.at : cancelAskedAt
  if (askedAt === undefined) return []
  const from = Math.max(askedAt, startedAt)
  return wasTroubled(troubles, process, from - 5000, from + TOLD_WITHIN_MS) ? [] : told(askedAt, 'revoked')
}

/** From when on the process ran for long enough to be able to tell; `undefined` if it died before that. */
function runsSince(history: History, process: string, at: number): number | undefined {
  let since = at
  for (const entry of history.entries) {
    if (!('process' in entry) || entry.process !== process || entry.at > since + TOLD_WITHIN_MS) continue
    if (entry.kind === 'killed') return undefined
    if (entry.kind === 'stalled') since = Math.max(since, entry.at + entry.forMs)
  }
  return since
}

/** G8: no more attempts than permitted, crashes included. */
function checkAttemptLimits(history: History, { byJob }: Attempts): string[] {
  const most = new Map<number, number>()
  for (const entry of history.entries) {
    if (entry.kind === 'added') most.set(entry.id, entry.maxAttempts)
    if (entry.kind === 'retried') most.set(entry.id, Math.max(most.get(entry.id) ?? 0, entry.maxAttempts))
  }
  return [...byJob].flatMap(([id, attempts]) => {
    const used = attempts.filter(({ over }) => over !== undefined && !FREE.has(over.by)).length
    const permitted = most.get(id) ?? 0
    return used > permitted ? [`job ${id}: ${used} attempts of ${permitted}`] : []
  })
}

/** G18: from the moment a processor is told to stop, nothing starts in it; and a drain keeps its limit. */
function checkStops(history: History): string[] {
  const violations: string[] = []
  const stopped = new Map<string, boolean>()
  const stalledMs = (process: string, from: number): number =>
    history.entries.reduce(
      (sum, entry) =>
        entry.kind === 'stalled' && entry.process === process && entry.at + entry.forMs >= from
          ? sum + entry.forMs
          : sum,
      0,
    )
  for (const entry of history.entries) {
    if (entry.kind === 'working') stopped.set(entry.processor, false)
    if (entry.kind === 'stopping') stopped.set(entry.processor, true)
    if (entry.kind === 'started' && stopped.get(entry.processor) === true)
      violations.push(`job ${entry.id} started in ${entry.processor} after that was told to stop`)
    // After the limit handlers have a moment to react; a processor that is just opening finishes that.
    if (entry.kind !== 'drained') continue
    const { process, inMs, limitMs, at } = entry
    if (inMs > limitMs + 2500 + stalledMs(process, at - inMs - 1000))
      violations.push(`the drain of ${entry.processor} took ${Math.round(entry.inMs)} ms of ${entry.limitMs}`)
  }
  return violations
}

/** G22: once a cancellation is acknowledged, the job does not start. */
function checkCancels(history: History): string[] {
  const violations: string[] = []
  const cancelled = new Set<number>()
  // A retry took these from their worker before it had started them; it is told as of any other lost lease.
  const revoked = new Set<string>()
  for (const entry of history.entries) {
    if (entry.kind === 'revoked') revoked.add(`${entry.id}/${entry.token}`)
    if (entry.kind === 'cancelled') cancelled.add(entry.id)
    if (entry.kind === 'retried') cancelled.delete(entry.id)
    if (entry.kind !== 'started' || revoked.has(`${entry.id}/${entry.token}`)) continue
    if (cancelled.has(entry.id)) violations.push(`job ${entry.id} started after it was cancelled`)
  }
  return violations
}

/** Per worker: never more handlers at once than it has slots. One that was told to stop counts no more. */
function checkConcurrency({ all, workers }: Attempts, history: History): string[] {
  const slots = new Map<string, number>()
  for (const entry of history.entries) if (entry.kind === 'working') slots.set(entry.processor, entry.concurrency)
  const killedAt = new Map<string, number>()
  for (const entry of history.entries) if (entry.kind === 'killed') killedAt.set(entry.process, entry.at)
  return [...workers].flatMap(([worker, { processor }]) => {
    const spans = all.filter((attempt) => attempt.worker === worker && attempt.startedAt !== undefined)
    const most = mostAtOnce(
      spans.map(({ startedAt = 0, endedAt, abortedAt, process }) => [
        startedAt,
        Math.min(endedAt ?? Infinity, abortedAt ?? Infinity, killedAt.get(process ?? '') ?? Infinity),
      ]),
    )
    const permitted = slots.get(processor) ?? 0
    return most > permitted ? [`${processor}, worker ${worker}: ${most} handlers at once in ${permitted} slots`] : []
  })
}

/** G12: never more current attempts of a group than its limit. */
function checkGroups({ all }: Attempts, history: History, { groupConcurrency }: Scenario): string[] {
  if (groupConcurrency === undefined) return []
  const groups = new Map<number, string>()
  for (const entry of history.entries)
    if (entry.kind === 'added' && entry.group !== null) groups.set(entry.id, entry.group)
  return [...new Set(groups.values())].flatMap((group) => {
    const spans = all
      .filter(({ id }) => groups.get(id) === group)
      .map(({ claimedAt, over }) => [claimedAt, over?.at ?? Infinity] as const)
    const most = mostAtOnce(spans)
    return most > groupConcurrency
      ? [`group ${group}: ${most} attempts at once, at most ${groupConcurrency} permitted`]
      : []
  })
}

function mostAtOnce(spans: readonly (readonly [number, number])[]): number {
  const edges = spans.flatMap(([from, to]) => [
    { at: from, step: 1 },
    { at: to, step: -1 },
  ])
  // At the same moment an end comes before a beginning.
  edges.sort((a, b) => a.at - b.at || a.step - b.step)
  let now = 0
  let most = 0
  for (const { step } of edges) most = Math.max(most, (now += step))
  return most
}

/** Without faults: no lease is lost, and nothing is run again that was not meant to be. */
function checkCalm({ all }: Attempts): string[] {
  return all.flatMap(({ id, over, token }) =>
    over === undefined || over.by === 'rescued'
      ? [`job ${id}: token ${token} was lost although nothing was wrong`]
      : [],
  )
}

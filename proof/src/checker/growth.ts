import type { At, Timeline } from './timeline.ts'
import type { Findings } from './violation.ts'

/** A run that is shorter says nothing of what grows. */
const SHORTEST_RUN_MS = 8 * 60_000

/** A process has loaded what it needs by then. */
const WARM_MS = 20_000

const HEAP_GROWTH = { factor: 1.5, allowance: 10 }
const SIZE_GROWTH = { factor: 3, allowance: 16 * 1_048_576 }

interface Reading {
  readonly event: At<'sample'> | At<'sizes'>
  readonly value: number
}

interface Growth {
  readonly factor: number
  readonly allowance: number
}

/**
 * In a long run memory and tables settle: in the last quarter under load they take no more than a little above what they took in
 * the second. (The first is when everything warms up, and the load first meets a fault.)
 */
export function checkGrowth(timeline: Timeline, findings: Findings): void {
  const from = timeline.events[0]?.at ?? 0
  const to = timeline.quiet?.at ?? timeline.finishedAt
  if (to - from < SHORTEST_RUN_MS) return
  const quarters = { from, quarter: (to - from) / 4 }
  // The median: one of many workers may have been seen with its arms full.
  compare(findings, {
    what: 'MB of heap',
    of: median,
    growth: HEAP_GROWTH,
    ...halves(heapReadings(timeline), quarters),
  })
  for (const kind of ['tables', 'indexes'] as const) {
    const readings = timeline.of('sizes').map((event) => ({ event, value: event[kind] }))
    compare(findings, { what: `bytes of ${kind}`, of: highest, growth: SIZE_GROWTH, ...halves(readings, quarters) })
  }
}

function heapReadings(timeline: Timeline): readonly Reading[] {
  return timeline.of('sample').flatMap((event) => {
    const started = timeline.workers.get(event.process)?.started?.at ?? Infinity
    return event.at - started >= WARM_MS ? [{ event, value: event.heapMb }] : []
  })
}

interface Halves {
  readonly early: readonly Reading[]
  readonly late: readonly Reading[]
}

function halves(
  readings: readonly Reading[],
  { from, quarter }: { readonly from: number; readonly quarter: number },
): Halves {
  const within = (first: number, last: number): readonly Reading[] =>
    readings.filter(({ event }) => event.at >= from + first * quarter && event.at < from + last * quarter)
  return { early: within(1, 2), late: within(3, 4) }
}

interface Comparison extends Halves {
  readonly what: string
  readonly of: (readings: readonly Reading[]) => Reading | undefined
  readonly growth: Growth
}

function compare(findings: Findings, { what, early, late, of, growth }: Comparison): void {
  const [before, after] = [of(early), of(late)]
  if (before === undefined || after === undefined) return
  findings.examined++
  if (after.value <= before.value * growth.factor + growth.allowance) return
  findings.add(`${before.value} ${what} have become ${after.value}.`, [before.event, after.event])
}

function sorted(readings: readonly Reading[]): readonly Reading[] {
  return readings.toSorted((a, b) => a.value - b.value)
}

function median(readings: readonly Reading[]): Reading | undefined {
  return sorted(readings)[Math.floor(readings.length / 2)]
}

function highest(readings: readonly Reading[]): Reading | undefined {
  return sorted(readings).at(-1)
}

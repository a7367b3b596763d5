import type { EventOf, Recorded } from '../history/event.ts'
import type { FaultEffect } from '../history/run-event.ts'
import { type Bounds, NOTICE_MS, RECONNECT_MS, RESUME_MS } from './bounds.ts'
import { type Span, Spans } from './spans.ts'

type FaultEvent = Recorded<EventOf<'fault'>>
type StallEvent = Recorded<EventOf<'stall'>>

/** A fault from its beginning to its end. */
export interface Fault extends Span {
  readonly name: string
  readonly effect: FaultEffect
  /** Processes it hit; absent: all. */
  readonly workers: readonly string[] | undefined
  readonly silent: boolean
  readonly begin: FaultEvent
}

/** What one process had to put up with, by what each question needs to know. */
export interface Troubles {
  /** It could not run or not reach the database: long enough, and its lease may be gone. */
  readonly away: Spans
  /** A statement of it may have been lost, or its answer. */
  readonly severed: Spans
  /** Anything that makes it late. */
  readonly hampered: Spans
  /** The same, and the time it may take to be at work again. */
  readonly recovering: Spans
}

const AWAY: ReadonlySet<FaultEffect> = new Set(['stall', 'cut', 'server'])
const SEVERED: ReadonlySet<FaultEffect> = new Set(['cut', 'server', 'refuse', 'connection', 'lossy', 'stall'])
const HARMLESS: ReadonlySet<FaultEffect> = new Set(['none', 'clock', 'kill', 'terminate'])

/** Pairs beginnings with ends. A fault without an end lasts to the end of the history. */
export function pairFaults(events: readonly FaultEvent[], bounds: Bounds): Fault[] {
  const ends = new Map(events.filter((event) => event.phase === 'end').map((event) => [event.id, event.at]))
  return events.flatMap((begin) => {
    if (begin.phase === 'end') return []
    const silent = begin.silent ?? false
    const length = silent ? NOTICE_MS : bounds.settleMs
    const to = begin.phase === 'once' ? begin.at + length : (ends.get(begin.id) ?? Infinity)
    return [
      {
        name: begin.name,
        effect: begin.effect,
        workers: begin.workers,
        silent,
        begin,
        from: begin.at - (begin.lossMs ?? 0),
        to,
      },
    ]
  })
}

/**
 * While the main thread is blocked another extends the lease, over a connection that it opens then: where the server has none to give
 * it cannot.
 */
function overlaps(stalls: readonly Span[], refusals: readonly Span[]): readonly Span[] {
  return stalls.flatMap((stall) =>
    refusals
      .filter(({ from, to }) => from <= stall.to && to >= stall.from)
      .map(({ from, to }) => ({ from: Math.max(from, stall.from), to: Math.min(to, stall.to) })),
  )
}

/** @param worker - Undefined: of nobody in particular, such as a producer: what hit everybody. */
export function troublesOf(
  worker: string | undefined,
  faults: readonly Fault[],
  stalls: readonly StallEvent[],
  bounds: Bounds,
): Troubles {
  const mine = faults.filter(
    (fault) => fault.workers === undefined || (worker !== undefined && fault.workers.includes(worker)),
  )
  const loopCounts = bounds.heartbeat === 'main'
  const all = stalls.map((stall) => ({ from: stall.at - stall.ms, to: stall.at }))
  const stopped = stalls
    .filter((stall) => stall.scope === 'process' || loopCounts)
    .map((stall) => ({ from: stall.at - stall.ms, to: stall.at }))
  const away = [
    ...mine.filter(({ effect }) => AWAY.has(effect) || (effect === 'block' && loopCounts)),
    ...overlaps(
      all,
      mine.filter(({ effect }) => effect === 'refuse'),
    ),
  ]
  const hampered = [...mine.filter(({ effect }) => !HARMLESS.has(effect)), ...all]
  return {
    away: new Spans([...away, ...stopped], RECONNECT_MS),
    severed: new Spans([...mine.filter(({ effect }) => SEVERED.has(effect)), ...stopped]),
    hampered: new Spans(hampered),
    recovering: new Spans(hampered.map(({ from, to }) => ({ from, to: to + RESUME_MS }))),
  }
}

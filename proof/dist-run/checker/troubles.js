import { NOTICE_MS, RECONNECT_MS, RESUME_MS } from './bounds.js'
import { Spans } from './spans.js'
const AWAY = new Set(['stall', 'cut', 'server'])
const SEVERED = new Set(['cut', 'server', 'refuse', 'connection', 'lossy', 'stall'])
const HARMLESS = new Set(['none', 'clock', 'kill', 'terminate'])
/** Pairs beginnings with ends. A fault without an end lasts to the end of the history. */
export function pairFaults(events, bounds) {
  const ends = new Map(events.filter((event) => event.phase === 'end').map((event) => [event.id, event.at]))
  return events.flatMap((begin) => {
    if (begin.phase === 'end') return []
    const silent = begin.silent ?? false
    const length = silent ? NOTICE_MS : bounds.settleMs
    const to = begin.phase === 'once' ? begin.at + length : (ends.get(begin.id) ?? Infinity)
    return [{ name: begin.name, effect: begin.effect, workers: begin.workers, silent, begin, from: begin.at, to }]
  })
}
/** @param worker - Undefined: of nobody in particular, such as a producer: what hit everybody. */
export function troublesOf(worker, faults, stalls, bounds) {
  const mine = faults.filter(
    (fault) => fault.workers === undefined || (worker !== undefined && fault.workers.includes(worker)),
  )
  const loopCounts = bounds.heartbeat === 'main'
  const all = stalls.map((stall) => ({ from: stall.at - stall.ms, to: stall.at }))
  const stopped = stalls
    .filter((stall) => stall.scope === 'process' || loopCounts)
    .map((stall) => ({ from: stall.at - stall.ms, to: stall.at }))
  const away = mine.filter(({ effect }) => AWAY.has(effect) || (effect === 'block' && loopCounts))
  const hampered = [...mine.filter(({ effect }) => !HARMLESS.has(effect)), ...all]
  return {
    away: new Spans([...away, ...stopped], RECONNECT_MS),
    severed: new Spans([...mine.filter(({ effect }) => SEVERED.has(effect)), ...stopped]),
    hampered: new Spans(hampered),
    recovering: new Spans(hampered.map(({ from, to }) => ({ from, to: to + RESUME_MS }))),
  }
}
//# sourceMappingURL=troubles.js.map

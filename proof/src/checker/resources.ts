import { calls } from './calls.ts'
import { checkGrowth } from './growth.ts'
import type { Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'

/** Without any trouble with connections a call waits no longer than this for its answer. */
const ANSWER_MS = 30_000

/** The heart and the listener have connections of their own. */
const EXTRA_CONNECTIONS = 2

/** G25: calls never wait for each other for ever, and memory and connections keep to their bounds. */
export function checkResources(timeline: Timeline): Finding {
  const findings = new Findings('G25')
  for (const { event, answer, waitedMs, wasSevered } of calls(timeline)) {
    if (wasSevered) continue
    findings.examined++
    if (waitedMs > ANSWER_MS) {
      findings.add(`A call had no answer for ${Math.round(waitedMs / 1000)} s, though nothing was wrong.`, [
        event,
        answer,
      ])
    }
  }
  checkGrowth(timeline, findings)
  const { maxHeapMb = Infinity, poolSize = Infinity } = timeline.bounds
  for (const sample of timeline.of('sample')) {
    findings.examined++
    if (sample.heapMb > maxHeapMb)
      findings.add(`${sample.heapMb} MB of heap in use; ${maxHeapMb} are allowed.`, [sample])
    if ((sample.connections ?? 0) > poolSize + EXTRA_CONNECTIONS) {
      findings.add(`${sample.connections} connections for a pool of ${poolSize}.`, [sample])
    }
  }
  return findings
}

import { check, type Judgement } from '../checker/check.ts'
import type { EventRef, Violation } from '../checker/violation.ts'
import type { Recorded } from '../history/event.ts'
import { readHistory } from '../history/read-history.ts'
import type { RunOutcome } from './run.ts'

/** What a run has shown. */
export interface Verdict {
  readonly seed: number
  readonly outcome: RunOutcome
  readonly judgement: Judgement
  /** Everything that is wrong, with the events that show it. Empty: the run is green. */
  readonly violations: readonly string[]
}

/** Holds what a run recorded against what is promised. */
export function judge(seed: number, folder: string, outcome: RunOutcome): Verdict {
  const { events, torn } = readHistory(folder)
  const judgement = check(events)
  // A torn line is the mark of a SIGKILL in the middle of it; the harness itself is never killed.
  const holes = torn.filter((file) => file.startsWith('harness')).map((file) => `${file} ends in the middle of a line`)
  const broken = judgement.verdicts.flatMap(({ violations }) => violations).map((found) => describe(found, events))
  const missing = judgement.coverage.missing.map((what) => `It did not happen: ${what}`)
  return { seed, outcome, judgement, violations: [...outcome.problems, ...holes, ...broken, ...missing] }
}

/** The first of them show what happened; the history has the rest. */
const MOST_EVENTS = 8

function describe({ guarantee, sentence, jobs, events: refs }: Violation, events: readonly Recorded[]): string {
  const about = jobs.length === 0 ? '' : ` (job ${jobs.join(', ')})`
  const shown = refs.slice(0, MOST_EVENTS).map((ref) => `\n      ${placeOf(ref)} ${textOf(events[ref.index])}`)
  return `${guarantee}${about}: ${sentence}${shown.join('')}`
}

function placeOf({ file, line }: EventRef): string {
  return `${file}:${line}`
}

function textOf(event: Recorded | undefined): string {
  if (event === undefined) return ''
  const { index: _index, process: _process, file: _file, line: _line, at, ...told } = event
  const text = JSON.stringify(told)
  return `${at.toFixed(1)} ${text.length > 300 ? `${text.slice(0, 299)}…` : text}`
}

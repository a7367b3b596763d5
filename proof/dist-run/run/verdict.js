import { check } from '../checker/check.js'
import { readHistory } from '../history/read-history.js'
/** Holds what a run recorded against what is promised. */
export function judge(seed, folder, outcome) {
  const { events, torn } = readHistory(folder)
  const judgement = check(events)
  // A torn line is the mark of a SIGKILL in the middle of it; the harness itself is never killed.
  const holes = torn.filter((file) => file.startsWith('harness')).map((file) => `${file} ends in the middle of a line`)
  const broken = judgement.verdicts.flatMap(({ violations }) => violations).map((found) => describe(found, events))
  const missing = judgement.coverage.missing.map((what) => `It did not happen: ${what}`)
  return { seed, outcome, judgement, violations: [...outcome.problems, ...holes, ...broken, ...missing] }
}
function describe({ guarantee, sentence, jobs, events: refs }, events) {
  const about = jobs.length === 0 ? '' : ` (job ${jobs.join(', ')})`
  const shown = refs.map((ref) => `\n      ${placeOf(ref)} ${textOf(events[ref.index])}`)
  return `${guarantee}${about}: ${sentence}${shown.join('')}`
}
function placeOf({ file, line }) {
  return `${file}:${line}`
}
function textOf(event) {
  if (event === undefined) return ''
  const { index: _index, process: _process, file: _file, line: _line, at, ...told } = event
  const text = JSON.stringify(told)
  return `${at.toFixed(1)} ${text.length > 300 ? `${text.slice(0, 299)}…` : text}`
}
//# sourceMappingURL=verdict.js.map

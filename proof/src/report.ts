import type { Judgement, Verdict } from './checker/check.ts'
import type { Counters } from './checker/counters.ts'
import type { Violation } from './checker/violation.ts'

/** Violations of one promise shown in full; the rest are counted. */
const MOST_SHOWN = 5

/** Events of one violation shown. */
const MOST_EVENTS = 8

/** What a person reads after a run: the verdict on each promise, its violations with their events, and the figures. */
export function textReport(judgement: Judgement): string {
  const { params, verdicts, counters, coverage, isGreen } = judgement
  const lines = [
    `Seed ${params.seed} on ${params.store}, faults: ${params.faults.join(', ') || 'none'}`,
    '',
    ...verdicts.flatMap(verdictLines),
    '',
    ...counterLines(counters),
    '',
    ...coverage.missing.map((what) => `NOT SEEN: ${what}`),
    isGreen ? 'GREEN: nothing that was put to the test is broken.' : 'RED',
  ]
  return `${lines.join('\n')}\n`
}

/** The whole judgement, for machines. */
export function jsonReport(judgement: Judgement): string {
  return `${JSON.stringify(judgement, null, 2)}\n`
}

/** The header of the table that `markdownRow` makes rows of. */
export const MARKDOWN_HEADER: string = [
  '| store | seed | faults | jobs | executions | verdicts | lost | limbo | overlaps | stale writes | over a limit | doubled keys | re-runs of successes | recovery, max | resumed, max |',
  '| --- | ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
].join('\n')

/** One run as a row of the published table. */
export function markdownRow({ params, verdicts, counters, isGreen }: Judgement): string {
  const cells = [
    params.store,
    params.seed,
    params.faults.join(', ') || 'none',
    counters.acknowledged,
    counters.executions,
    `${isGreen ? 'green' : '**red**'}: ${summaryOf(verdicts)}`,
    counters.lost,
    counters.limbo,
    counters.overlaps,
    counters.staleWrites,
    counters.limitOverruns,
    counters.doubledKeys,
    percent(counters.rerunRatio),
    milliseconds(counters.recoveryMaxMs),
    milliseconds(counters.resumeMaxMs),
  ]
  return `| ${cells.join(' | ')} |`
}

function summaryOf(verdicts: readonly Verdict[]): string {
  const held = verdicts.filter(({ verdict }) => verdict === 'held').length
  const violated = verdicts.filter(({ verdict }) => verdict === 'violated').map(({ guarantee }) => guarantee)
  const untested = verdicts.length - held - violated.length
  const parts = [
    `${held} held`,
    violated.length > 0 && `${violated.join(' ')} violated`,
    untested > 0 && `${untested} not exercised`,
  ]
  return parts.filter((part) => part !== false).join(', ')
}

function verdictLines({ guarantee, title, verdict, examined, violations }: Verdict): readonly string[] {
  const word = verdict === 'violated' ? `VIOLATED ${violations.length} times` : verdict
  const line = `${guarantee.padEnd(4)}${title.padEnd(30)}${word}${examined > 0 ? ` (${examined} tested)` : ''}`
  const shown = violations.slice(0, MOST_SHOWN).flatMap(violationLines)
  const more = violations.length - MOST_SHOWN
  return [line, ...shown, ...(more > 0 ? [`      … and ${more} more`] : [])]
}

function violationLines({ jobs, sentence, events }: Violation): readonly string[] {
  const subject =
    jobs.length === 0 ? '' : `${jobs.length === 1 ? 'job' : 'jobs'} ${jobs.slice(0, MOST_EVENTS).join(', ')}: `
  const places = events
    .slice(0, MOST_EVENTS)
    .map(({ index, type, at, file, line }) => `        #${index} ${file}:${line} ${type} at ${at.toFixed(3)} ms`)
  return [`      ${subject}${sentence}`, ...places]
}

function counterLines(counters: Counters): readonly string[] {
  const rows: readonly (readonly [string, string | number])[] = [
    ['jobs acknowledged', counters.acknowledged],
    ['adds without an answer', counters.unknownAdds],
    ['executions', counters.executions],
    ['handlers that succeeded', counters.succeeded],
    ['lost', counters.lost],
    ['in limbo', counters.limbo],
    ['undecided when the run ended', counters.undecided],
    ['overlapping current executions', counters.overlaps],
    ['overlaps with a fenced execution', counters.fencedOverlaps],
    ['stale writes accepted', counters.staleWrites],
    ['limits overrun', counters.limitOverruns],
    ['keys doubled', counters.doubledKeys],
    ['successes run again', `${counters.rerunsOfSuccesses} (${percent(counters.rerunRatio)})`],
    ['processes killed', counters.kills],
    ['recovery after a kill, at most', `${milliseconds(counters.recoveryMaxMs)} (${counters.recoveries} jobs)`],
    [
      'work resumed after a restart, at most',
      `${milliseconds(counters.resumeMaxMs)} (${counters.resumptions} restarts)`,
    ],
  ]
  return rows.map(([name, value]) => `${name.padEnd(40)}${value}`)
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(2)} %`
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return 'none'
  return Number.isFinite(value) ? `${Math.round(value)} ms` : 'never'
}

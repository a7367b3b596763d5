import type { Verdict } from './verdict.ts'

/** One run of a table: what it was called, and how it went. */
export interface Row {
  readonly name: string
  readonly verdict: Verdict
}

const COLUMNS: readonly (readonly [title: string, cell: (verdict: Verdict) => string | number])[] = [
  ['conditions', ({ outcome }) => outcome.conditions.join(', ') || '–'],
  ['faults', ({ outcome }) => [...outcome.injected.values()].reduce((sum, times) => sum + times, 0)],
  ['acknowledged', ({ judgement }) => judgement.counters.acknowledged],
  ['executions', ({ judgement }) => judgement.counters.executions],
  ['lost', ({ judgement }) => judgement.counters.lost],
  ['limbo', ({ judgement }) => judgement.counters.limbo],
  ['overlaps', ({ judgement }) => judgement.counters.overlaps],
  ['stale writes', ({ judgement }) => judgement.counters.staleWrites],
  ['over a limit', ({ judgement }) => judgement.counters.limitOverruns],
  ['doubled keys', ({ judgement }) => judgement.counters.doubledKeys],
  ['run again', ({ judgement }) => `${(judgement.counters.rerunRatio * 100).toFixed(2)} %`],
  ['recovery', ({ judgement }) => seconds(judgement.counters.recoveryMaxMs)],
  ['otherwise', ({ judgement }) => seconds(judgement.counters.troubledRecoveryMaxMs)],
  ['resumed', ({ judgement }) => seconds(judgement.counters.resumeMaxMs)],
  ['violations', ({ violations }) => violations.length],
]

function seconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`
}

/** The results of several runs, in Markdown. */
export function markdownTable(rows: readonly Row[]): string {
  const titles = ['run', ...COLUMNS.map(([title]) => title)]
  const lines = rows.map(({ name, verdict }) => [name, ...COLUMNS.map(([, cell]) => cell(verdict))])
  return [titles, titles.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

import type { Verdict } from './verdict.ts'

/** One run of a table: what it was called, and how it went. */
export interface Row {
  readonly name: string
  readonly verdict: Verdict
}

const COLUMNS = [
  'run',
  'faults',
  'acked',
  'executions',
  'completed',
  'failed',
  'cancelled',
  'processes ended',
  'run again',
  'violations',
]

/** The results of several runs, in Markdown. */
export function markdownTable(rows: readonly Row[]): string {
  const lines = rows.map(({ name, verdict }) => {
    const { counts, conditions, injected, violations } = verdict
    const faults = [...injected.values()].reduce((sum, times) => sum + times, 0)
    return [
      name,
      [String(faults), ...conditions].join(' + '),
      counts.acknowledged,
      counts.executions,
      counts.completed,
      counts.failed,
      counts.cancelled,
      counts.processesGone,
      counts.runAgain,
      violations.length,
    ]
  })
  return [COLUMNS, COLUMNS.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

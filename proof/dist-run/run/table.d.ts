import type { Verdict } from './verdict.ts'
/** One run of a table: what it was called, and how it went. */
export interface Row {
  readonly name: string
  readonly verdict: Verdict
}
/** The results of several runs, in Markdown. */
export declare function markdownTable(rows: readonly Row[]): string
//# sourceMappingURL=table.d.ts.map

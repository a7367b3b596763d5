import { aligned, type Cell, painted } from './layout.ts'
import { toJson } from './text.ts'

/** Where a command writes: people get aligned text, programs JSON. */
export class Output {
  readonly json: boolean
  /** Whether whoever reads it sees colours. */
  readonly colours: boolean

  constructor({ json }: { readonly json: boolean }) {
    this.json = json
    const { NO_COLOR: none, TERM: term } = process.env
    this.colours = !json && process.stdout.isTTY && !none && term !== 'dumb'
  }

  /** `value` as indented JSON with `--json`; else what `print` prints. */
  result(value: unknown, print: () => void): void {
    if (this.json) process.stdout.write(`${toJson(value, 2)}\n`)
    else print()
  }

  /** One of many: a line of JSON with `--json`, else the text. */
  event(value: unknown, cells: readonly Cell[]): void {
    if (this.json) process.stdout.write(`${toJson(value)}\n`)
    else this.line(...cells)
  }

  line(...cells: readonly Cell[]): void {
    process.stdout.write(`${this.#text(cells, ' ')}\n`)
  }

  /** Rows under their headings, in columns as wide as their widest cell; `none` if there are no rows. */
  table(headings: readonly string[], rows: readonly (readonly Cell[])[], none: string): void {
    if (rows.length === 0) return this.line(none)
    const heads = headings.map((text): Cell => ({ text, colour: 'bold' }))
    this.columns([heads, ...rows])
  }

  /** Names and values, one pair a line. */
  pairs(pairs: readonly (readonly [string, Cell])[]): void {
    this.columns(pairs.map(([name, value]) => [{ text: name, colour: 'dim' }, value]))
  }

  /** Rows in columns as wide as their widest cell. */
  columns(rows: readonly (readonly Cell[])[]): void {
    for (const row of aligned(rows)) process.stdout.write(`${this.#text(row, '  ').trimEnd()}\n`)
  }

  #text(cells: readonly Cell[], gap: string): string {
    return cells.map((cell) => painted(cell, this.colours)).join(gap)
  }
}

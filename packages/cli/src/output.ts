import { aligned, type Cell, fitted, painted, wrapped } from './layout.ts'
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

  /**
   * Rows under their headings, in columns as wide as their widest cell; `none` if there are no rows. On a terminal each row is one line,
   * whatever its end then lacks.
   */
  table(headings: readonly string[], rows: readonly (readonly Cell[])[], none: string): void {
    if (rows.length === 0) return this.line(none)
    const heads = headings.map((text): Cell => ({ text, colour: 'bold' }))
    const width = this.#width
    for (const row of aligned([heads, ...rows])) this.#row(width === undefined ? row : fitted(row, width))
  }

  /** Names and values, one pair a line; values are not broken, so that they can be copied. */
  pairs(pairs: readonly (readonly [string, Cell])[]): void {
    for (const row of aligned(pairs.map(([name, value]) => [{ text: name, colour: 'dim' }, value]))) this.#row(row)
  }

  /** Rows in columns as wide as their widest cell, the last of which is broken where a terminal is too narrow for it. */
  columns(rows: readonly (readonly Cell[])[]): void {
    const width = this.#width
    for (const row of aligned(rows))
      for (const line of width === undefined ? [row] : wrapped(row, width)) this.#row(line)
  }

  #row(cells: readonly Cell[]): void {
    process.stdout.write(`${this.#text(cells, '  ').trimEnd()}\n`)
  }

  /** Of the terminal; `undefined` where there is none, or where it does not tell. */
  get #width(): number | undefined {
    return process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : undefined
  }

  #text(cells: readonly Cell[], gap: string): string {
    return cells.map((cell) => painted(cell, this.colours)).join(gap)
  }
}

import { styleText } from 'node:util'
import { safe, toJson } from './text.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** A cell: text, or text in a colour. Both are made safe when they are printed. */
export type Cell = string | number | { readonly text: string; readonly colour: Colour }

/** Where a command writes: people get aligned text, programs JSON. */
export class Output {
  readonly json: boolean
  readonly #colours: boolean

  constructor({ json }: { readonly json: boolean }) {
    this.json = json
    const { NO_COLOR: none, TERM: term } = process.env
    this.#colours = !json && process.stdout.isTTY && !none && term !== 'dumb'
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
    process.stdout.write(`${cells.map((cell) => this.#painted(cell)).join(' ')}\n`)
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
    const widths: number[] = []
    for (const row of rows) {
      row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, widthOf(cell))))
    }
    for (const row of rows) {
      const last = row.length - 1
      const cells = row.map((cell, index) => {
        const padding = index === last ? 0 : (widths[index] ?? 0) - widthOf(cell)
        return this.#painted(cell) + ' '.repeat(padding)
      })
      process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
    }
  }

  #painted(cell: Cell): string {
    if (typeof cell !== 'object') return safe(String(cell))
    const text = safe(cell.text)
    return this.#colours ? styleText(cell.colour, text, { validateStream: false }) : text
  }
}

function widthOf(cell: Cell): number {
  return Array.from(safe(typeof cell === 'object' ? cell.text : String(cell))).length
}

import { styleText } from 'node:util'
import { safe } from './text.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** A cell: text, or text in a colour. Both are made safe when they are painted. */
export type Cell = string | number | { readonly text: string; readonly colour: Colour }

export function painted(cell: Cell, colours: boolean): string {
  const text = textOf(cell)
  return colours && typeof cell === 'object' ? styleText(cell.colour, text, { validateStream: false }) : text
}

/** The rows with every cell but the last as wide as the widest of its column. */
export function aligned(rows: readonly (readonly Cell[])[]): readonly (readonly Cell[])[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, widthOf(cell))))
  }
  return rows.map((row) =>
    row.map((cell, index) => (index === row.length - 1 ? cell : padded(cell, widths[index] ?? 0))),
  )
}

/** As much of a row as fits into `columns`, with a gap of two between cells. */
export function fitted(row: readonly Cell[], columns: number): readonly Cell[] {
  const cells: Cell[] = []
  let left = columns
  for (const cell of row) {
    if (left <= 0) break
    cells.push(widthOf(cell) <= left ? cell : withText(cell, Array.from(textOf(cell)).slice(0, left).join('')))
    left -= widthOf(cell) + 2
  }
  return cells
}

/** Less room than this for the last cell, and it goes below the others. */
const LEAST_ROOM = 24
const INDENT = 2

/** A row as lines that fit into `columns`: its last cell is broken between words, below where it begins. */
export function wrapped(row: readonly Cell[], columns: number): readonly (readonly Cell[])[] {
  const last = row.at(-1)
  const before = row.slice(0, -1)
  const lead = before.reduce<number>((sum, cell) => sum + widthOf(cell) + 2, 0)
  if (last === undefined || lead + widthOf(last) <= columns) return [row]
  const isBelow = columns - lead < LEAST_ROOM
  const indent = isBelow ? INDENT : lead
  const [first = '', ...rest] = brokenLines(textOf(last), columns - indent)
  const indented = rest.map((text) => [withText(last, ' '.repeat(indent) + text)])
  return isBelow
    ? [before, [withText(last, ' '.repeat(indent) + first)], ...indented]
    : [[...before, withText(last, first)], ...indented]
}

/** A word that is longer than a line has one of its own. */
function brokenLines(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

function padded(cell: Cell, width: number): Cell {
  return withText(cell, textOf(cell) + ' '.repeat(width - widthOf(cell)))
}

function withText(cell: Cell, text: string): Cell {
  return typeof cell === 'object' ? { text, colour: cell.colour } : text
}

function textOf(cell: Cell): string {
  return safe(typeof cell === 'object' ? cell.text : String(cell))
}

function widthOf(cell: Cell): number {
  return Array.from(textOf(cell)).length
}

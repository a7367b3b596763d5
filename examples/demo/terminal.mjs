/** What the demo prints: lines, a bar that is redrawn in place where there is a terminal, and tables. */
import { styleText } from 'node:util'

const isTerminal = process.stdout.isTTY === true
const hasColour = isTerminal && process.env['NO_COLOR'] === undefined

/** Between two plain progress lines. */
const PLAIN_EVERY_MS = 1000
const BAR_WIDTH = 24

let statusText = ''
let lastPlainAt = 0

/** Prints a line; the bar, if there is one, stays below it. @param {string} [text] */
export function say(text = '') {
  if (statusText === '') return void process.stdout.write(`${text}\n`)
  process.stdout.write(`\r\u001b[2K${text}\n${statusText}`)
}

/**
 * Shows how far the work is: a bar in a terminal, else a line now and then.
 *
 * @param {{ done: number; total: number; notes: readonly string[] }} progress
 */
export function showProgress({ done, total, notes }) {
  const percent = total === 0 ? 100 : Math.floor((done / total) * 100)
  const counts = `${String(percent).padStart(3)} %  ${done}/${total} files`
  const text = [counts, ...notes].join('  ')
  if (isTerminal) {
    const filled = Math.round((percent / 100) * BAR_WIDTH)
    const room = Math.max(10, (process.stdout.columns ?? 80) - BAR_WIDTH - 2)
    statusText = `${colour('green', '█'.repeat(filled))}${colour('gray', '░'.repeat(BAR_WIDTH - filled))} ${text.slice(0, room)}`
    process.stdout.write(`\r\u001b[2K${statusText}`)
  } else if (performance.now() - lastPlainAt >= PLAIN_EVERY_MS) {
    lastPlainAt = performance.now()
    say(text)
  }
}

/** Leaves the bar as it is; what is printed next comes below it. */
export function endProgress() {
  if (statusText !== '') process.stdout.write('\n')
  statusText = ''
}

/**
 * Prints a table. Columns whose first cell below the head is a number are set flush right.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly (string | number)[])[]} rows
 */
export function showTable(head, rows) {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)))
  const widths = head.map((title, column) => Math.max(title.length, ...texts.map((row) => row[column]?.length ?? 0)))
  /** @param {readonly string[]} cells */
  const line = (cells) =>
    cells
      .map((cell, column) =>
        typeof rows[0]?.[column] === 'number' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('   ')
      .trimEnd()
  say(colour('bold', line(head)))
  for (const row of texts) say(line(row))
}

/** @param {Parameters<typeof styleText>[0]} format @param {string} text */
export function colour(format, text) {
  return hasColour ? styleText(format, text) : text
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`
  return `${(bytes / 1e9).toFixed(1)} GB`
}

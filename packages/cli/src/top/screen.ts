import { type Cell, fitted, painted } from '../layout.ts'

/** The alternate screen without a cursor and without wrapping, and back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
/** What is between them is shown at once, by terminals that know it; others ignore it. */
const BEGIN = '\u001b[?2026h\u001b[H'
const END = '\u001b[J\u001b[?2026l'
const REST_OF_LINE = '\u001b[K'

const QUIT: ReadonlySet<string> = new Set(['q', 'Q', '\u001b', '\u0003', '\u0004'])

/** The terminal that a live view has to itself. Whatever happens, it is given back as it was. */
export class Screen implements Disposable {
  readonly #colours: boolean
  readonly #quit = new AbortController()
  readonly #onResize: () => void
  #shown = ''

  /** @param onResize - Called when it has another size, and what is shown should be drawn anew. */
  constructor(colours: boolean, onResize: () => void) {
    this.#colours = colours
    this.#onResize = onResize
    process.stdout.write(ENTER)
    process.stdout.on('resize', this.#resized)
    process.on('exit', leave)
    if (!process.stdin.isTTY) return
    process.stdin.setRawMode(true)
    process.stdin.setEncoding('utf8').on('data', this.#pressed).resume()
  }

  /** Aborts when somebody wants to leave. */
  get quit(): AbortSignal {
    return this.#quit.signal
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }
  }

  /** Over what is there, so that what stays the same does not flicker. */
  show(rows: readonly (readonly Cell[])[]): void {
    const { columns, rows: height } = this.size
    const lines = rows.slice(0, height).map((row) => {
      const text = fitted(row, columns).map((cell) => painted(cell, this.#colours))
      return text.join('  ').trimEnd() + REST_OF_LINE
    })
    const picture = lines.join('\r\n')
    if (picture === this.#shown) return
    this.#shown = picture
    process.stdout.write(BEGIN + picture + END)
  }

  [Symbol.dispose](): void {
    process.stdout.off('resize', this.#resized)
    process.off('exit', leave)
    if (process.stdin.isTTY) {
      process.stdin.off('data', this.#pressed).pause()
      process.stdin.setRawMode(false)
    }
    leave()
  }

  readonly #resized = (): void => {
    this.#shown = ''
    this.#onResize()
  }

  readonly #pressed = (keys: string): void => {
    if (QUIT.has(keys)) this.#quit.abort()
  }
}

function leave(): void {
  process.stdout.write(LEAVE)
}

/** Text of others, such as job types, payloads and errors, for a terminal and for JSON. */

// C0, DEL, C1, and what reorders or breaks a line for whoever looks at it.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** One line without control characters: a terminal is told nothing by whoever wrote it. White space becomes a space. */
export function safe(text: string): string {
  return text.replace(/[\t\n\r]+/g, ' ').replace(UNSAFE, '')
}

/** The lines of `text`, each of them safe. */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => safe(line))
}

/** At most `length` characters, the last of them `…` if there were more. */
export function shortened(text: string, length: number): string {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

/**
 * JSON of whatever the API answers, in one line or indented, pure enough to be printed. Bigints become strings, maps and sets
 * lists.
 */
export function toJson(value: unknown, indent: number = 0): string {
  const text = JSON.stringify(value, plain, indent) ?? 'null'
  return text.replace(UNSAFE_IN_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}

/** `90_000` → `1m 30s`: the two largest units. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`
  let rest = Math.floor(ms / 1000)
  const parts: string[] = []
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join(' ')
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

/** ISO 8601 to the second; `-` for none. */
export function timeText(time: Date | null | undefined): string {
  return time ? time.toISOString().replace(/\.\d+Z$/, 'Z') : '-'
}

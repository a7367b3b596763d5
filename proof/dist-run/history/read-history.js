import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
/**
 * Reads all `*.jsonl` of a folder into one history, ordered by the monotonic clock; lines of one file stay in their order.
 * A last line without an end is left out; any other line that is no event is an error, for a history with holes proves
 * nothing.
 */
export function readHistory(folder) {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .toSorted()
  const torn = []
  const written = files.flatMap((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    // The end of the last whole line leaves an empty string behind it.
    if (lines.pop() !== '') torn.push(name)
    return lines.map((text, index) => parseLine(text, name, index + 1))
  })
  return { events: inOrder(written), torn }
}
/** Events with their places in one order; ties keep the order given. Also for histories made by hand. */
export function inOrder(written) {
  return written.toSorted((a, b) => a.at - b.at).map((event, index) => ({ ...event, index }))
}
function parseLine(text, file, line) {
  const event = parseJson(text)
  if (!isWritten(event)) throw new Error(`${file}:${line} is no event: ${text.slice(0, 200)}`)
  return { ...event, process: basename(file, '.jsonl'), file, line }
}
function parseJson(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
function isWritten(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    'at' in value &&
    typeof value.at === 'number'
  )
}
//# sourceMappingURL=read-history.js.map

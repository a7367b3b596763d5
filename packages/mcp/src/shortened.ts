/** The most that one tool answers, in characters of its JSON: what a model reads of it is as good as lost beyond. */
const MOST_CHARACTERS = 48_000

/** Tried one after the other: the longest text, and the longest list, that stays whole. */
const LIMITS: readonly { readonly text: number; readonly items: number }[] = [
  { text: 4000, items: 100 },
  { text: 1000, items: 50 },
  { text: 300, items: 20 },
  { text: 100, items: 10 },
  { text: 40, items: 3 },
]

/** An answer, and how it was made short enough; `null`: it is whole. */
export interface Shortened {
  readonly value: Readonly<Record<string, unknown>>
  readonly note: string | null
}

/** `value` with as little cut out of its texts and lists as makes it short enough to be read. */
export function shortened(value: Readonly<Record<string, unknown>>): Shortened {
  if (lengthOf(value) <= MOST_CHARACTERS) return { value, note: null }
  for (const limit of LIMITS) {
    const cut = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, cutTo(member, limit)]))
    if (lengthOf(cut) > MOST_CHARACTERS) continue
    const note =
      `Shortened: texts to ${limit.text} characters, lists to ${limit.items} items; "… n more" stands where something is missing. ` +
      'Ask for less, by filters or `limit`, to see all of it.'
    return { value: cut, note }
  }
  const note = `This answer has ${lengthOf(value)} characters, more than can be shown. Ask for less, by filters or \`limit\`.`
  return { value: {}, note }
}

function cutTo(value: unknown, limit: { readonly text: number; readonly items: number }): unknown {
  if (typeof value === 'string') {
    return value.length <= limit.text ? value : `${value.slice(0, limit.text)} … ${value.length - limit.text} more`
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.slice(0, limit.items).map((item) => cutTo(item, limit))
    return value.length <= limit.items ? items : [...items, `… ${value.length - limit.items} more`]
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, cutTo(member, limit)]))
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}

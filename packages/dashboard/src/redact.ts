/** What stands in place of a value that does not leave the server. */
export const REDACTED = '[redacted]'

type Rules = readonly (readonly string[])[]

/** A copy in which every value that a rule means is `REDACTED`. The value must be plain (`plain.ts`). */
export function redact(value: unknown, rules: Rules): unknown {
  return rules.length === 0 ? value : walk(value, rules, [])
}

function walk(value: unknown, rules: Rules, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => walk(item, rules, path))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const here = [...path, key]
      return [key, isMeant(here, rules) ? REDACTED : walk(item, rules, here)]
    }),
  )
}

/** Whether a rule is the end of the path. */
function isMeant(path: readonly string[], rules: Rules): boolean {
  return rules.some(
    (rule) => rule.length <= path.length && rule.every((key, at) => key === '*' || key === path.at(at - rule.length)),
  )
}

/**
 * An edited payload with the values back that the editor was not shown. Only in the places they are from: a value cannot be moved to
 * one that is shown.
 *
 * @returns `null` if `REDACTED` stands where nothing was taken away, and would be stored as it is
 */
export function restore(edited: unknown, original: unknown, rules: Rules): { readonly value: unknown } | null {
  let isLost = false
  const value = putBack(edited, original, [])
  return isLost ? null : { value }

  function putBack(now: unknown, before: unknown, path: readonly string[]): unknown {
    if (now === REDACTED && rules.length > 0) {
      isLost ||= before === undefined || !isMeant(path, rules)
      return before
    }
    if (Array.isArray(now)) return now.map((item, at) => putBack(item, memberOf(before, String(at)), path))
    if (typeof now !== 'object' || now === null) return now
    return Object.fromEntries(
      Object.entries(now).map(([key, item]) => [key, putBack(item, memberOf(before, key), [...path, key])]),
    )
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

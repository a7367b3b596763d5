const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** A duration for people: its two largest units, such as `1h 5m`, `12s` or `350ms`. Negative ones count as none. */
export function prettifyMs(durationMs: number): string {
  const rounded = Math.max(0, Math.round(durationMs))
  if (rounded < 1000) return `${rounded}ms`
  const first = UNITS.findIndex(([, size]) => rounded >= size)
  let rest = rounded
  const parts = UNITS.slice(first, first + 2).flatMap(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? [] : [`${count}${unit}`]
  })
  return parts.join(' ')
}

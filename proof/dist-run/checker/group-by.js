/** `Map.groupBy`, which Node 20 does not have. Items without a key are left out. */
export function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) {
    const key = keyOf(item)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
//# sourceMappingURL=group-by.js.map

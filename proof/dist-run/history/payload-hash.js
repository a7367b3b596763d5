import { createHash } from 'node:crypto'
/**
 * Hash of a JSON value by content: equal for values that are deep-equal after a JSON round trip, whatever the order of
 * their keys (jsonb keeps none). 128 bits, in base64url.
 */
export function payloadHash(value) {
  const text = JSON.stringify(value) ?? 'undefined'
  return createHash('sha256')
    .update(canonical(JSON.parse(text === 'undefined' ? 'null' : text)))
    .digest('base64url')
    .slice(0, 22)
}
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`
}
//# sourceMappingURL=payload-hash.js.map

export const ODDITIES = [
  'string',
  'undefined',
  'null',
  'symbol',
  'frozen',
  'getter',
  'cyclic',
  'long',
  'unstorable',
  'proxy',
]
export const ODD_RESULTS = ['bigint', 'cyclic', 'function', 'nan']
export function isProofPayload(value) {
  return typeof value === 'object' && value !== null && 'ref' in value && 'plan' in value
}
//# sourceMappingURL=plan.js.map

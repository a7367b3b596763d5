/** The version of this package; `tools/check-pack.mjs` holds it against package.json. */
export const VERSION = '0.1.0'

/** Columns that are not named as their field of `PORTABLE_FIELDS`. */
const NAMES: Readonly<Record<string, string>> = { trailDropped: 'log_dropped' }

export function columnOf(field: string): string {
  return NAMES[field] ?? field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

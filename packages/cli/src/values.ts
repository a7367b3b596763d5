import { InvalidArgumentError } from 'commander'

/** Values on the command line. Each parser throws commander's `InvalidArgumentError`, which names the option. */

export function integer(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

export function positive(text: string): number {
  const value = integer(text)
  if (value < 1) throw new InvalidArgumentError('It must be a whole number from 1.')
  return value
}

export function count(text: string): number {
  const value = integer(text)
  if (value < 0) throw new InvalidArgumentError('It must be a whole number from 0.')
  return value
}

/** 0: one that is free. */
export function port(text: string): number {
  const value = integer(text)
  if (value < 0 || value > 65_535) throw new InvalidArgumentError('It must be a port, 0 to 65535.')
  return value
}

/** For `<id...>`: adds to what came before. */
export function ids(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), positive(text)]
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `30s`, `5m`, `2h`, `7d` in milliseconds. */
export function duration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (unitMs === undefined) throw new InvalidArgumentError('It must be a duration such as 500ms, 30s, 5m, 2h or 7d.')
  return Math.round(Number(count) * unitMs)
}

/** A time in ISO 8601; without an offset, of this machine's zone. */
export function time(text: string): Date {
  const value = new Date(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(value.getTime())) {
    throw new InvalidArgumentError('It must be a time such as 2026-01-31T09:00:00Z.')
  }
  return value
}

/** For an option that can be repeated or hold several values with commas between them. */
export function list(text: string, before: readonly string[] | undefined): readonly string[] {
  const values = text.split(',').filter((value) => value !== '')
  if (values.length === 0) throw new InvalidArgumentError('It must not be empty.')
  return [...(before ?? []), ...values]
}

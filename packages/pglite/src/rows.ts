/**
 * What a column's text becomes. Two readers want two things: the store parses its own rows and wants them cheap and
 * unaltered, a user's transaction wants what node-postgres would give.
 */
import type { Answer, Conversion } from './wire.ts'

const BOOL = 16
const BYTEA = 17
const JSON_OIDS = new Set([114, 3802])
const DATE_OIDS = new Set([1114, 1184])
/** `int2`, `int4`, `oid`, `float4`, `float8`: what a JavaScript number holds exactly. */
const NUMBER_OIDS = new Set([21, 23, 26, 700, 701])

/** As `Executor` documents: booleans and small numbers as such, everything else as PostgreSQL's text. */
export const textFormats: Conversion = (typeOid) => {
  if (typeOid === BOOL) return toBoolean
  return NUMBER_OIDS.has(typeOid) ? Number : undefined
}

/** As node-postgres does: dates, bytes and JSON are parsed; `bigint` and `numeric` stay text, and so do arrays. */
export const nodePostgresFormats: Conversion = (typeOid) => {
  if (JSON_OIDS.has(typeOid)) return JSON.parse
  if (DATE_OIDS.has(typeOid)) return toDate
  return typeOid === BYTEA ? toBytes : textFormats(typeOid)
}

/** The same oids for PGlite's own `parsers` option, whose defaults would turn `bigint`, dates and JSON into objects. */
export function textParsers(typeOids: readonly number[]): Record<number, (text: string) => unknown> {
  return Object.fromEntries(typeOids.map((typeOid) => [typeOid, textFormats(typeOid) ?? asText]))
}

/** Rows as objects by column name; of two columns with one name the later wins. */
export function toObjects(answer: Answer): Record<string, unknown>[] {
  return answer.rows.map((row) => Object.fromEntries(answer.columns.map((column, index) => [column.name, row[index]])))
}

function asText(text: string): string {
  return text
}

function toBoolean(text: string): boolean {
  return text === 't'
}

/** The session runs in UTC, so a timestamp without a zone is UTC too; infinities stay text, no `Date` can hold them. */
function toDate(text: string): Date | string {
  if (text.endsWith('infinity')) return text
  const iso = text.replace(' ', 'T')
  const date = new Date(/[+-]\d\d(:\d\d)?$/.test(iso) ? iso.replace(/([+-]\d\d)$/, '$1:00') : `${iso}Z`)
  return Number.isNaN(date.getTime()) ? text : date
}

function toBytes(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex')
}

import { MillraceError } from '../errors.ts'
import type { DateLimits, JobFilters, TagMode } from './filters.ts'
import { JOB_STATUSES } from './job.ts'
import type { JobStatus } from './job.ts'

/** What a query of jobs may name, for a help text. */
export const JOB_QUERY_TERMS: readonly (readonly [term: string, meaning: string])[] = [
  ['status:failed,waiting', 'in one of these states; `is:dead` failed for good, `is:retrying` is tried again'],
  ['type:mail.send', 'of this type; several with commas; the bare word `mail.send` is the same'],
  ['tag:vip tag:eu', 'with all of these tags; `tag:vip,eu` with any, `-tag:vip` without'],
  ['group:customer-7', 'of this group'],
  ['tenant:acme', 'of this tenant'],
  ['priority:5', 'of this priority'],
  ['id:42', 'these ids; the bare number `42` is the same'],
  ['created:>-2h', 'added since two hours ago; also `<`, `>=`, `<=`, and times such as 2026-01-31T09:00:00Z'],
  ['due:<+1d', 'due within a day, or overdue'],
]

interface Term {
  readonly name: string
  readonly isNot: boolean
  readonly values: readonly string[]
  /** As it was written. */
  readonly text: string
}

/**
 * The filters that a query means, such as `status:failed type:mail.send,sms created:>-2h`: what the search of the dashboard and
 * `millrace ls` take. All its terms hold together; see `JOB_QUERY_TERMS`. A value with spaces, commas or colons stands in double quotes.
 *
 * @param now - What `-2h` and `+1d` count from; units are `s`, `m`, `h`, `d` and `w`. Default: now.
 * @throws MillraceError `OPTION_INVALID`, naming the term that means nothing
 */
export function parseJobQuery(query: string, now: Date = new Date()): JobFilters {
  const terms = termsOf(query)
  const of = (name: string): readonly Term[] => terms.filter((term) => term.name === name)
  return {
    ...statusOf(of('status'), of('is')),
    ...typeOf(of('type')),
    ...tagsOf(of('tag')),
    ...textOf('groupId', of('group')),
    ...textOf('tenantId', of('tenant')),
    ...priorityOf(of('priority')),
    ...idsOf(of('id')),
    ...timesOf('createdAt', of('created'), now),
    ...timesOf('runAt', of('due'), now),
  }
}

const NAMES: ReadonlySet<string> = new Set([
  'status',
  'is',
  'type',
  'tag',
  'group',
  'tenant',
  'priority',
  'id',
  'created',
  'due',
])
/** Of a program's fields, so that whoever knows those is understood. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['jobtype', 'type'],
  ['tags', 'tag'],
  ['groupid', 'group'],
  ['tenantid', 'tenant'],
  ['createdat', 'created'],
  ['runat', 'due'],
])

/** A name and a colon, then values with commas between them, in quotes or not. */
const TERM = /^(-?)(?:([A-Za-z]+):)?((?:"(?:[^"\\]|\\.)*"|[^\s"])*)/

function termsOf(query: string): readonly Term[] {
  const terms: Term[] = []
  for (let rest = query.trim(); rest !== '';) {
    const [text = '', minus = '', name = '', given = ''] = TERM.exec(rest) ?? []
    const after = rest.slice(text.length)
    if (text === '' || /^\S/.test(after))
      throw refused(rest, 'a quote that is opened is closed', 'Close it, or leave it out')
    terms.push(termOf({ text, isNot: minus === '-', name, given }))
    rest = after.trimStart()
  }
  return terms
}

function termOf({ text, isNot, name, given }: { text: string; isNot: boolean; name: string; given: string }): Term {
  const values = valuesIn(given)
  const lower = name.toLowerCase()
  const known = ALIASES.get(lower) ?? lower
  if (name !== '' && !NAMES.has(known))
    throw refused(
      text,
      `it names one of ${[...NAMES].join(', ')}`,
      `Put a value with a colon in quotes: ${JSON.stringify(text)}`,
    )
  if (values.length === 0) throw refused(text, 'something follows the colon', `Write ${exampleOf(known)}`)
  if (isNot && known !== 'tag') throw refused(text, 'only a tag can be excluded', 'Leave out the minus')
  // A bare number is an id, any other bare word a type.
  const plain = /^\d+(?:,\d+)*$/.test(given) ? 'id' : 'type'
  return { name: name === '' ? plain : known, isNot, values, text }
}

function valuesIn(given: string): readonly string[] {
  const values: string[] = []
  for (const [, quoted, plain] of given.matchAll(/"((?:[^"\\]|\\.)*)"|([^,"]+)/g)) {
    const value = quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, '$1')
    if (value !== undefined && value !== '') values.push(value)
  }
  return values
}

function exampleOf(name: string): string {
  return JOB_QUERY_TERMS.find(([term]) => term.startsWith(`${name}:`))?.[0] ?? 'status:failed'
}

function statusOf(terms: readonly Term[], kinds: readonly Term[]): JobFilters {
  const [kind] = kinds
  if (kind !== undefined) {
    const [value] = kind.values
    if (kinds.length > 1 || kind.values.length > 1 || (value !== 'dead' && value !== 'retrying'))
      throw refused(kind.text, 'it is is:dead or is:retrying', 'For a state write status:failed')
    if (terms.length > 0) throw refused(kind.text, 'there is no status beside it', 'Leave one of the two out')
    return { status: 'failed', final: value === 'dead' }
  }
  const term = only(terms)
  if (term === undefined) return {}
  const status = term.values.map((value): JobStatus => {
    const found = JOB_STATUSES.find((known) => known === value)
    if (found === undefined)
      throw refused(term.text, `each is one of ${JOB_STATUSES.join(', ')}`, 'Write status:failed')
    return found
  })
  return { status: status.length === 1 ? status[0] : status }
}

function typeOf(terms: readonly Term[]): JobFilters {
  const term = only(terms)
  if (term === undefined) return {}
  return { jobType: term.values.length === 1 ? term.values[0] : term.values }
}

function tagsOf(terms: readonly Term[]): JobFilters {
  const [first] = terms
  if (first === undefined) return {}
  const mode = modeOf(first)
  for (const term of terms) {
    if (modeOf(term) !== mode || (mode === 'any' && terms.length > 1))
      throw refused(term.text, 'tags are compared in one way', 'Use either tag:a tag:b, tag:a,b or -tag:a')
  }
  return { tags: { values: terms.flatMap(({ values }) => values), mode } }
}

function modeOf({ isNot, values }: Term): TagMode {
  if (isNot) return 'none'
  return values.length > 1 ? 'any' : 'all'
}

function textOf(field: 'groupId' | 'tenantId', terms: readonly Term[]): JobFilters {
  const term = only(terms)
  if (term === undefined) return {}
  if (term.values.length > 1) throw refused(term.text, 'it has one value', 'Put one with a comma in quotes')
  return { [field]: term.values[0] }
}

function priorityOf(terms: readonly Term[]): JobFilters {
  const term = only(terms)
  if (term === undefined) return {}
  const [value = ''] = term.values
  if (term.values.length > 1 || !/^-?\d{1,9}$/.test(value))
    throw refused(term.text, 'it is a whole number', 'Write priority:5')
  return { priority: Number(value) }
}

function idsOf(terms: readonly Term[]): JobFilters {
  if (terms.length === 0) return {}
  const ids = terms.flatMap((term) =>
    term.values.map((value) => {
      if (!/^[1-9]\d{0,14}$/.test(value)) throw refused(term.text, 'it is the number of a job', 'Write id:42')
      return Number(value)
    }),
  )
  return { ids }
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const LIMITS: Readonly<Record<string, keyof DateLimits>> = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' }

function timesOf(field: 'createdAt' | 'runAt', terms: readonly Term[], now: Date): JobFilters {
  if (terms.length === 0) return {}
  const limits: Partial<Record<keyof DateLimits, Date>> = {}
  for (const term of terms) {
    const [, sign = '', given = ''] = /^([<>]=?)(.+)$/.exec(term.values.join(',')) ?? []
    const limit = LIMITS[sign]
    if (limit === undefined)
      throw refused(term.text, 'a time stands behind one of >, >=, <, <=', `Write ${term.name}:>-2h`)
    if (limits[limit] !== undefined) throw refused(term.text, 'each limit is given once', 'Leave one of the two out')
    limits[limit] = timeIn(given, term, now)
  }
  return { [field]: limits }
}

function timeIn(given: string, term: Term, now: Date): Date {
  const [, sign, count, unit = ''] = /^([+-])(\d{1,6})([smhdw])$/.exec(given) ?? []
  if (sign !== undefined)
    return new Date(now.getTime() + (sign === '-' ? -1 : 1) * Number(count) * (UNIT_MS[unit] ?? 0))
  const time = /^\d{4}-\d{2}-\d{2}/.test(given) ? new Date(given) : new Date(Number.NaN)
  if (Number.isNaN(time.getTime()))
    throw refused(term.text, 'it is a time', `Write ${term.name}:>-2h, or ${term.name}:>2026-01-31T09:00:00Z`)
  return time
}

/** The term that stands there at most once. */
function only(terms: readonly Term[]): Term | undefined {
  const [first, second] = terms
  if (second !== undefined)
    throw refused(second.text, 'it is named once', `Put all values into one term: ${second.name}:a,b`)
  return first
}

function refused(term: string, expected: string, remedy: string): MillraceError {
  return new MillraceError(
    'OPTION_INVALID',
    `\`query\`: ${JSON.stringify(term.slice(0, 100))} means nothing: ${expected}. ${remedy}.`,
    {
      details: { field: 'query', value: term, remedy },
    },
  )
}

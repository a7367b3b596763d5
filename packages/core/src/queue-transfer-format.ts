import { MillraceError } from './errors.ts'
import { isRecord } from './model/check.ts'
import type { Pause } from './model/pause.ts'
import { PORTABLE_FIELDS, type PortableJob, type PortableToken } from './model/portable.ts'
import type { MovedSchedule } from './store/transfer.ts'

/** Of the lines that an export consists of. A version reads its own and older ones. */
export const FORMAT_VERSION = 1

/** How many records of each kind there are. */
export interface TransferCounts {
  readonly jobs: number
  readonly schedules: number
  readonly tokens: number
  readonly pauses: number
}

/** A pause without the time that it began at, which is of one place. */
export type MovedPause = Omit<Pause, 'pausedAt'>

/** One line of an export. */
export type TransferLine =
  | {
      readonly kind: 'millrace'
      readonly version: number
      readonly instance: string
      readonly store: string
      readonly firstId: number
      readonly lastId: number
      readonly ended: boolean
    }
  | { readonly kind: 'schedule'; readonly schedule: MovedSchedule }
  | { readonly kind: 'pause'; readonly pause: MovedPause }
  | { readonly kind: 'token'; readonly token: PortableToken }
  | { readonly kind: 'job'; readonly job: PortableJob }
  | { readonly kind: 'end'; readonly counts: TransferCounts }

/** A line as text, with its newline. */
export function writeLine(line: TransferLine): string {
  return `${JSON.stringify(line)}\n`
}

/**
 * A line from its text.
 *
 * @throws MillraceError `IMPORT_REFUSED` naming the line, for anything that an export would not have written.
 */
export function readLine(text: string, number: number): TransferLine {
  const line = parsed(text, number)
  switch (line['kind']) {
    case 'millrace':
      return readHead(line, number)
    case 'schedule':
      return { kind: 'schedule', schedule: revivedSchedule(record(line['schedule'], number), number) }
    case 'pause':
      return { kind: 'pause', pause: revivedPause(record(line['pause'], number), number) }
    case 'token':
      return { kind: 'token', token: checkedToken(record(line['token'], number), number) }
    case 'job':
      return { kind: 'job', job: checkedJob(record(line['job'], number), number) }
    case 'end': {
      const counts = record(line['counts'], number)
      const count = (name: keyof TransferCounts): number => wholeNumber(counts[name], `counts.${name}`, number)
      return {
        kind: 'end',
        counts: {
          jobs: count('jobs'),
          schedules: count('schedules'),
          tokens: count('tokens'),
          pauses: count('pauses'),
        },
      }
    }
    default:
      return refuse(number, `is of no kind that this version knows (${JSON.stringify(line['kind'])})`)
  }
}

type Fields = Readonly<Record<string, unknown>>

function parsed(text: string, number: number): Fields {
  try {
    return record(JSON.parse(text), number)
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    return refuse(number, 'is not JSON', cause)
  }
}

function readHead(line: Fields, number: number): TransferLine {
  const version = wholeNumber(line['version'], 'version', number)
  if (version > FORMAT_VERSION) {
    return refuse(
      number,
      `says that the export is of version ${version}, and this package reads up to ${FORMAT_VERSION}`,
    )
  }
  return {
    kind: 'millrace',
    version,
    instance: nonEmpty(line['instance'], 'instance', number),
    store: nonEmpty(line['store'], 'store', number),
    firstId: wholeNumber(line['firstId'], 'firstId', number),
    lastId: wholeNumber(line['lastId'], 'lastId', number),
    ended: line['ended'] === true,
  }
}

const NEEDED = [
  'id',
  'jobType',
  'payload',
  'state',
  'place',
  'priority',
  'attempts',
  'maxAttempts',
  'createdAt',
  'runAt',
]
const STATES: ReadonlySet<unknown> = new Set([
  'ready',
  'timed',
  'group',
  'dependencies',
  'waiting',
  'completed',
  'failed',
  'cancelled',
])
const NESTED: ReadonlySet<string> = new Set(['schedule', 'trail', 'steps', 'signals', 'tokens'])

function checkedJob(job: Fields, number: number): PortableJob {
  for (const name of NEEDED) if (job[name] === undefined) return refuse(number, `has a job without \`${name}\``)
  for (const [name, value] of Object.entries(job)) {
    if (NESTED.has(name)) {
      if (typeof value !== 'object' || value === null) return refuse(number, `has no list in \`${name}\``)
      continue
    }
    const kind: unknown = Reflect.get(PORTABLE_FIELDS, name)
    if (!fits(value, kind)) return refuse(number, `has a job whose \`${name}\` is not what this version knows`)
  }
  if (!STATES.has(job['state'])) return refuse(number, `has a job in the state ${JSON.stringify(job['state'])}`)
  if (!isJson(job['payload'])) return refuse(number, 'has a job whose `payload` is not JSON')
  return job as unknown as PortableJob
}

function fits(value: unknown, kind: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number'
    case 'time':
      return Number.isInteger(value)
    case 'flag':
      return typeof value === 'boolean'
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string')
    case 'numbers':
      return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one))
    default:
      return false
  }
}

function isJson(text: unknown): boolean {
  try {
    JSON.parse(String(text))
    return true
  } catch {
    return false
  }
}

function checkedToken(token: Fields, number: number): PortableToken {
  nonEmpty(token['id'], 'id', number)
  wholeNumber(token['createdAt'], 'createdAt', number)
  if (!['w', 'c', 't'].includes(String(token['status']))) return refuse(number, 'has a token without a status')
  return token as unknown as PortableToken
}

/** Dates of a schedule, which JSON has as text. */
const SCHEDULE_DATES = ['startAt', 'endAt', 'nextRunAt', 'lastTickAt', 'lastEnqueuedAt', 'createdAt'] as const

function revivedSchedule(schedule: Fields, number: number): MovedSchedule {
  nonEmpty(schedule['name'], 'name', number)
  record(schedule['rule'], number)
  const job = record(schedule['job'], number)
  nonEmpty(job['jobType'], 'job.jobType', number)
  const dates = SCHEDULE_DATES.map((name) => [name, date(schedule[name], name, number)] as const)
  return { ...schedule, ...Object.fromEntries(dates) } as unknown as MovedSchedule
}

function revivedPause(pause: Fields, number: number): MovedPause {
  record(pause['scope'], number)
  const until = date(pause['until'], 'until', number)
  return { ...pause, until } as unknown as MovedPause
}

function date(value: unknown, name: string, number: number): Date | null {
  if (value === null || value === undefined) return null
  const read = new Date(typeof value === 'string' ? value : Number.NaN)
  return Number.isNaN(read.getTime()) ? refuse(number, `has no time in \`${name}\``) : read
}

function record(value: unknown, number: number): Fields {
  return isRecord(value) ? value : refuse(number, 'is not an object where one belongs')
}

function nonEmpty(value: unknown, name: string, number: number): string {
  return typeof value === 'string' && value !== '' ? value : refuse(number, `has no text in \`${name}\``)
}

function wholeNumber(value: unknown, name: string, number: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value)
    ? value
    : refuse(number, `has no number in \`${name}\``)
}

/** @throws MillraceError `IMPORT_REFUSED` always. */
export function refuse(number: number, what: string, cause?: unknown): never {
  const remedy = 'Export again, or update this package'
  throw new MillraceError('IMPORT_REFUSED', `Line ${number} ${what}. ${remedy}.`, {
    cause,
    details: { field: `line ${number}`, remedy },
  })
}

import { createHash } from 'node:crypto'
import type { FailureReason, JobError } from './job.ts'

/** A failed job as a survey of failures reads it. */
export interface FailureRecord {
  readonly id: number
  readonly jobType: string
  readonly tenantId: string | null
  readonly failedAt: Date
  /** Whether it is not tried again. */
  readonly isFinal: boolean
  readonly attempts: number
  readonly reason: FailureReason | null
  /** The last one; its stack may be cut short. */
  readonly error: JobError | null
}

/** Failures of one cause, as far as type, error and place in the code tell. */
export interface FailureGroup {
  /** 16 hexadecimal digits, the same in every process and at every time. */
  readonly fingerprint: string
  readonly jobType: string
  /** Name of the error's class; `null` if none was recorded. */
  readonly name: string | null
  /** Of the latest. */
  readonly message: string
  /** The message without what differs from failure to failure. */
  readonly pattern: string
  /** The function and file that it comes from; `null` without a stack. */
  readonly frame: string | null
  readonly reason: FailureReason | null
  /** Of the failures that were read. */
  readonly count: number
  /** How many of them are not tried again. */
  readonly final: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** The latest of them, latest first; at most 1,000. */
  readonly jobIds: readonly number[]
  /** The same, only those that are not tried again. */
  readonly finalJobIds: readonly number[]
  /** How many failed in each twelfth of the time from the first failure that was read to the last one. */
  readonly spread: readonly number[]
}

/** What `getFailureGroups` answers. */
export interface FailureSurvey {
  /** The latest cause first. */
  readonly groups: readonly FailureGroup[]
  /** How many failures were read. */
  readonly read: number
  /** Whether older ones were not. */
  readonly hasMore: boolean
}

/** What a failure has in common with others of its cause. */
export interface FailureCause {
  readonly fingerprint: string
  readonly pattern: string
  readonly frame: string | null
}

const MAX_PATTERN = 300
const MAX_IDS = 1000
const SPREAD = 12

/** Groups failures by type, normalised message and the place in the code that they come from. Pure. */
export function groupFailures(failures: readonly FailureRecord[]): readonly FailureGroup[] {
  const times = failures.map(({ failedAt }) => failedAt.getTime())
  const from = times.reduce((least, time) => Math.min(least, time), Infinity)
  const to = times.reduce((most, time) => Math.max(most, time), -Infinity)
  const slot = (failure: FailureRecord): number =>
    Math.min(SPREAD - 1, Math.floor(((failure.failedAt.getTime() - from) / Math.max(1, to - from)) * SPREAD))
  const byCause = new Map<string, { readonly cause: FailureCause; readonly of: FailureRecord[] }>()
  for (const failure of failures) {
    const cause = causeOf(failure)
    const known = byCause.get(cause.fingerprint)
    if (known === undefined) byCause.set(cause.fingerprint, { cause, of: [failure] })
    else known.of.push(failure)
  }
  return [...byCause.values()]
    .flatMap(({ cause, of }) => {
      const sorted = of.toSorted((one, other) => other.failedAt.getTime() - one.failedAt.getTime() || other.id - one.id)
      const [latest, first] = [sorted[0], sorted.at(-1)]
      if (latest === undefined || first === undefined) return []
      const spread = Array.from({ length: SPREAD }, () => 0)
      for (const failure of sorted) spread[slot(failure)] = (spread[slot(failure)] ?? 0) + 1
      return [{ cause, latest, first, sorted, spread }]
    })
    .map(({ cause, latest, first, sorted, spread }) => ({
      ...cause,
      jobType: latest.jobType,
      name: latest.error?.name ?? null,
      message: latest.error?.message ?? '',
      reason: latest.reason,
      count: sorted.length,
      final: sorted.filter(({ isFinal }) => isFinal).length,
      firstAt: first.failedAt,
      lastAt: latest.failedAt,
      jobIds: sorted.slice(0, MAX_IDS).map(({ id }) => id),
      finalJobIds: sorted.flatMap(({ id, isFinal }) => (isFinal ? [id] : [])).slice(0, MAX_IDS),
      spread,
    }))
    .toSorted((one, other) => other.lastAt.getTime() - one.lastAt.getTime())
}

/** Pure; the same for failures that differ only in ids, numbers, addresses, times and quoted texts. */
export function causeOf(failure: Pick<FailureRecord, 'jobType' | 'error' | 'reason'>): FailureCause {
  const { jobType, error, reason } = failure
  const pattern = patternOf(error?.message ?? '')
  const frame = frameOf(error?.stack)
  const parts = [jobType, error?.name ?? '', reason ?? '', pattern, frame ?? '']
  const fingerprint = createHash('sha256').update(parts.join('\u0000')).digest('hex').slice(0, 16)
  return { fingerprint, pattern, frame }
}

/** What differs from failure to failure, most specific first: a part that one has replaced is no longer there for the next. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<uuid>'],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, '<time>'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '<email>'],
  [/\b(https?:\/\/[^\s/?#"']+)[^\s"')\]]*/gi, '$1/<path>'],
  [/"[^"\n]{1,200}"/g, '"<text>"'],
  [/'[^'\n]{1,200}'(?![a-z])/g, "'<text>'"],
  [/[“”][^“”\n]{1,200}”/g, '“<text>”'],
  [/`[^`\n]{1,200}`/g, '`<text>`'],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi, '<hex>'],
  [/\b0x[0-9a-f]+\b/gi, '<hex>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '<ip>'],
  [/\d+(?:[.,]\d+)*/g, '<n>'],
]

function patternOf(message: string): string {
  // Long enough for whatever is said of the cause; a regular expression never sees a message of megabytes.
  const first = message.slice(0, 4 * MAX_PATTERN)
  const plain = VARYING.reduce((text, [varying, word]) => text.replaceAll(varying, word), first)
  return plain.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_PATTERN)
}

/** The first line of a stack in code of the application's own, else the first one; without line numbers, which every deploy moves. */
function frameOf(stack: string | undefined): string | null {
  if (stack === undefined) return null
  const frames = stack.split('\n').flatMap((line) => {
    const [, called = '', place = ''] = /^\s*at (?:(.*?) \()?((?:\w+:|\/|\\|[A-Za-z]:|<)[^()]*)\)?$/.exec(line) ?? []
    return place === '' ? [] : [{ called, file: place.replace(/:\d+(?::\d+)?$/, '') }]
  })
  const own = frames.find(({ file }) => !/node_modules|^node:|<anonymous>/.test(file)) ?? frames[0]
  if (own === undefined) return null
  const parts = own.file.replace(/^file:\/\//, '').split(/[/\\]/)
  const file = parts
    .filter((part) => part !== '')
    .slice(-3)
    .join('/')
  return own.called === '' ? file : `${own.called} (${file})`
}

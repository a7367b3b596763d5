import { type JobOptions, MillraceError } from 'millrace'
import type { JobData } from './job-handler.ts'

/** What `registerJob` takes. */
export interface RegisterJobInput {
  /** The type that `registerJobHandler` and `registerContextFactory` were given. */
  readonly type: string
  /** What JSON makes of it is stored: a `Date` arrives as text. */
  readonly data?: JobData
  readonly name?: string | null | undefined
  readonly role?: string | null | undefined
  readonly email?: string | null | undefined
  readonly uploadedFileURL?: string | null | undefined
  /** Runs now, whatever `scheduledAt` says; like any other job one at a time of its type. Default `false`. */
  readonly runImmediately?: boolean | undefined
  /** Not before. Default now. */
  readonly scheduledAt?: Date | null | undefined

  // What follows is new.
  /**
   * Attempts in all when the handler throws. Default: an error is final, and only a job whose process died is run again, twice at
   * most. With `1` nothing is run again.
   */
  readonly maxAttempts?: number | undefined
  /** Seconds between attempts, doubled each time. Only with `maxAttempts`. */
  readonly retryDelay?: number | undefined
  /** Of the jobs of its type the one with the highest runs first. Default 0. */
  readonly priority?: number | undefined
  /** Time limit of one attempt in milliseconds. Default none. */
  readonly timeoutMs?: number | undefined
  /** A second job with this key is not made; the first one is answered. */
  readonly idempotencyKey?: string | undefined
  /** Runs beside others of its type. Default `false`: one of each type at a time, over all processes. */
  readonly parallel?: boolean | undefined
}

/** A job's payload as the engine stores it. */
export interface Envelope {
  readonly jobSystem: {
    readonly name?: string
    readonly role?: string
    readonly email?: string
    readonly uploadedFileURL?: string
    /** Whether what the handler throws is retried. */
    readonly retries?: true
  }
  readonly data: JobData
}

const NAMES: ReadonlySet<string> = new Set<keyof RegisterJobInput>([
  'type',
  'data',
  'name',
  'role',
  'email',
  'uploadedFileURL',
  'runImmediately',
  'scheduledAt',
  'maxAttempts',
  'retryDelay',
  'priority',
  'timeoutMs',
  'idempotencyKey',
  'parallel',
])

/** Attempts of a job whose errors are final: what is left of them is for processes that die. */
const ATTEMPTS_FOR_CRASHES = 3

/** @throws MillraceError `OPTION_INVALID`; what the engine checks is left to it */
export function jobOptions(input: RegisterJobInput): JobOptions<Record<string, Envelope>> {
  if (typeof input !== 'object' || input === null) throw refused('job', input, 'an object')
  const stranger = Object.keys(input).find((name) => !NAMES.has(name))
  if (stranger !== undefined)
    throw refused(stranger, Reflect.get(input, stranger), `left out: the options are ${[...NAMES].join(', ')}`)
  const { type, data, runImmediately, scheduledAt, maxAttempts, parallel, ...rest } = input
  if (typeof type !== 'string' || type === '') throw refused('type', type, 'the name of a job type')
  if (rest.retryDelay !== undefined && maxAttempts === undefined)
    throw refused('retryDelay', rest.retryDelay, 'given with `maxAttempts`: without, an error is final')
  const { priority, timeoutMs, idempotencyKey, retryDelay } = rest
  return {
    jobType: type,
    payload: {
      jobSystem: { ...texts(rest), ...(maxAttempts !== undefined && { retries: true as const }) },
      data: json(data),
    },
    maxAttempts: maxAttempts ?? ATTEMPTS_FOR_CRASHES,
    runAt: runImmediately === true ? null : scheduledAt,
    ...(parallel !== true && { queue: { name: laneOf(type), retries: 'pass' } }),
    priority,
    timeoutMs,
    idempotencyKey,
    retryDelay,
  }
}

/** The serial lane that keeps the jobs of a type apart. */
function laneOf(type: string): string {
  return `job-system:${type}`
}

const TEXTS = ['name', 'role', 'email', 'uploadedFileURL'] as const

function texts(input: Partial<Pick<RegisterJobInput, (typeof TEXTS)[number]>>): Omit<Envelope['jobSystem'], 'retries'> {
  return Object.fromEntries(
    TEXTS.flatMap((field) => {
      const value: unknown = input[field]
      if (value === undefined || value === null) return []
      if (typeof value !== 'string') throw refused(field, value, 'a string')
      return [[field, value]]
    }),
  )
}

/** What JSON makes of `data`, but for numbers that it would silently turn into null. */
function json(data: unknown): JobData {
  const text = JSON.stringify(data, (key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw refused(`data.${key}`, value, 'a finite number')
    return value
  })
  return text === undefined ? null : JSON.parse(text)
}

export function refused(field: string, value: unknown, expected: string): MillraceError {
  const shown =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'number' ? String(value) : typeof value
  return new MillraceError('OPTION_INVALID', `\`${field}\` must be ${expected}; got ${shown}.`, {
    details: { field, value, remedy: `It must be ${expected}` },
  })
}

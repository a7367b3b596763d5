import { MAX_DURATION_MS, refuseOption } from './check.ts'
import { toError } from './error-record.ts'

/**
 * What a handler can say about its own failure. Verdicts are recognised by a registered symbol, not by their class, so
 * that two copies of the package in one process understand each other.
 */
const FATAL: unique symbol = Symbol.for('millrace.fatal')
const SNOOZE: unique symbol = Symbol.for('millrace.snooze')

/** An error that no further attempt can mend. */
export interface FatalError extends Error {
  readonly [FATAL]: true
}

/** A request to run the job again later without using up an attempt. */
export interface Snooze extends Error {
  /** Milliseconds from now. */
  readonly [SNOOZE]: number
}

/**
 * An error to throw when retrying cannot help: `throw fatal(error)`, `throw fatal('No such account.')`. The job fails at
 * once, whatever its `maxAttempts`. Name, message and stack are those of `reason`, which is also its `cause`.
 */
export function fatal(reason: unknown): FatalError {
  if (typeof reason === 'string') return Object.assign(new Error(reason), { [FATAL]: true as const })
  const original = toError(reason)
  const error = new Error(original.message, { cause: reason })
  for (const field of ['name', 'stack'] as const) {
    Object.defineProperty(error, field, { value: original[field], configurable: true, writable: true })
  }
  return Object.assign(error, { [FATAL]: true as const })
}

/** Whether `value` came from `fatal`, of this or another copy of the package. */
export function isFatal(value: unknown): value is FatalError {
  return readMark(value, FATAL) === true
}

/**
 * A verdict to throw or return: run this job again after `delayMs`, without using up an attempt.
 *
 * @param delayMs - Milliseconds, positive, at most ten years.
 * @throws MillraceError `OPTION_INVALID`
 */
export function snooze(delayMs: number): Snooze {
  if (!(delayMs > 0 && delayMs <= MAX_DURATION_MS)) {
    refuseOption(
      'delayMs',
      delayMs,
      `a positive number up to ${MAX_DURATION_MS}`,
      'Give milliseconds, at most ten years',
    )
  }
  return Object.assign(new Error(`Snoozed for ${delayMs} ms.`), { [SNOOZE]: delayMs })
}

/** Whether `value` came from `snooze`, of this or another copy of the package. */
export function isSnooze(value: unknown): value is Snooze {
  return typeof readMark(value, SNOOZE) === 'number'
}

/** The delay a snooze asks for, in milliseconds. */
export function snoozeDelayMs(verdict: Snooze): number {
  return verdict[SNOOZE]
}

function readMark(value: unknown, mark: symbol): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    // Its own: a proxy that answers every question with something has not said a word about retrying.
    return Object.hasOwn(value, mark) ? Reflect.get(value, mark) : undefined
  } catch {
    return undefined
  }
}

/**
 * What DataQueue throws inside a handler to suspend it. Nothing throws it here: the promise of a wait never settles, which no
 * `catch` can swallow. It is exported so that programs which check for it run.
 */
export class WaitSignal extends Error {
  override readonly name: string = 'WaitSignal'
  readonly isWaitSignal = true as const
  readonly type: 'duration' | 'date' | 'token'
  readonly waitUntil: Date | undefined
  readonly tokenId: string | undefined
  readonly stepData: Readonly<Record<string, unknown>>

  constructor(
    type: 'duration' | 'date' | 'token',
    waitUntil: Date | undefined,
    tokenId: string | undefined,
    stepData: Readonly<Record<string, unknown>>,
  ) {
    super('WaitSignal')
    this.type = type
    this.waitUntil = waitUntil
    this.tokenId = tokenId
    this.stepData = stepData
  }
}

import { MillraceError } from '../errors.ts'
import { checkBoolean, checkInteger, checkOptions } from '../model/check.ts'
import { MAX_TIMER_MS } from '../model/clock.ts'
import { decodePayload, encodePayload } from '../model/codec.ts'
import type { StepOptions } from '../model/handler.ts'
import type { StoredValue } from '../store/steps.ts'

/** A step's options with their defaults. */
export interface StepPolicy {
  readonly attempts: number
  readonly timeoutMs: number | undefined
  readonly delayMs: (tryNumber: number) => number
}

const ONE_TRY: StepPolicy = { attempts: 1, timeoutMs: undefined, delayMs: () => 0 }

const OPTION_NAMES: ReadonlySet<string> = new Set(['retry', 'timeoutMs'])
const RETRY_NAMES: ReadonlySet<string> = new Set(['attempts', 'delayMs', 'backoff', 'maxDelayMs'])

/** @throws MillraceError `OPTION_INVALID` naming the option */
export function stepPolicy(options: StepOptions | undefined): StepPolicy {
  if (options === undefined) return ONE_TRY
  checkOptions('options', options, OPTION_NAMES, '{ timeoutMs: 5000 }')
  const { retry, timeoutMs } = options
  if (timeoutMs !== undefined)
    checkInteger('timeoutMs', timeoutMs, { min: 1, max: MAX_TIMER_MS, remedy: 'Leave it out for no limit' })
  if (retry === undefined) return { ...ONE_TRY, timeoutMs }
  checkOptions('retry', retry, RETRY_NAMES, '{ attempts: 3, delayMs: 1000 }')
  const { attempts = 3, delayMs = 1000, backoff = true, maxDelayMs = 30_000 } = retry
  checkInteger('retry.attempts', attempts, { min: 1, max: 100, remedy: 'Leave it out for 3' })
  checkInteger('retry.delayMs', delayMs, { min: 0, max: 3_600_000, remedy: 'Leave it out for 1000' })
  checkInteger('retry.maxDelayMs', maxDelayMs, { min: 0, max: 3_600_000, remedy: 'Leave it out for 30000' })
  checkBoolean('retry.backoff', backoff)
  return {
    attempts,
    timeoutMs,
    delayMs: (tryNumber) => Math.min(maxDelayMs, backoff ? delayMs * 2 ** (tryNumber - 1) : delayMs),
  }
}

/**
 * A step's result as it is stored, and the value that the step returns: the same now and when it is read back. By the rich
 * codec; instances of classes that it does not know by the rules of JSON.
 *
 * @throws MillraceError `STEP_RESULT_INVALID`
 */
export function encodeResult(
  value: unknown,
  name: string,
  maxBytes: number,
): { readonly stored: StoredValue; readonly value: unknown } {
  const path = `result of step ${JSON.stringify(name)}`
  try {
    return { stored: { text: encodePayload(value, { codec: 'rich', maxBytes, path }), codec: 'rich' }, value }
  } catch (error) {
    try {
      const text = encodePayload(value, { codec: 'json', maxBytes, path })
      return { stored: { text, codec: 'json' }, value: decodePayload(text) }
    } catch {
      const { message, details } = error instanceof MillraceError ? error : { message: String(error), details: {} }
      throw new MillraceError('STEP_RESULT_INVALID', message, { cause: error, details })
    }
  }
}

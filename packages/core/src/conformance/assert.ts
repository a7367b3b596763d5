import { AssertionError, deepStrictEqual, ok } from 'node:assert/strict'
import { isMillraceError, type MillraceErrorCode } from '../errors.ts'

/** Fails unless both are deeply equal, prototypes included. */
export function equal<T>(actual: T, expected: T, message?: string): void {
  // Lists that a store answers are often read-only views; what counts is what is in them.
  deepStrictEqual(actual, expected, message)
}

/** Fails unless `condition` holds. */
export function check(condition: unknown, message: string): asserts condition {
  ok(condition, message)
}

/** Fails unless `promise` rejects with a `MillraceError` of one of these codes. */
export async function rejectsWith(promise: Promise<unknown>, ...codes: readonly MillraceErrorCode[]): Promise<void> {
  try {
    await promise
  } catch (error) {
    if (codes.some((code) => isMillraceError(error, code))) return
    throw error
  }
  throw new AssertionError({ message: `expected a rejection with ${codes.join(' or ')}` })
}

/** Fails unless `low <= actual <= high`. */
export function between(actual: number | null, low: number, high: number, what: string): void {
  ok(actual !== null && actual >= low && actual <= high, `${what} is ${actual}, not within ${low} and ${high}`)
}

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { askRetryFunction, nextDelayMs } from './backoff.ts'
import type { RetryOptions } from './backoff.ts'

interface Vector extends RetryOptions {
  readonly name: string
  readonly attempt: number
  readonly random: number
  readonly delayMs: number
}

const file: { readonly vectors: readonly Vector[] } = JSON.parse(
  readFileSync(new URL('backoff.vectors.json', import.meta.url), 'utf8'),
)

const none: RetryOptions = { delay: null, backoff: null, delayMax: null }
const seconds = fc.option(fc.double({ min: 0, max: 315_360_000, noNaN: true }))
const options = fc.record({ delay: seconds, backoff: fc.option(fc.boolean()), delayMax: seconds })

describe('nextDelayMs', () => {
  it.each(file.vectors)('$name', ({ delay, backoff, delayMax, attempt, random, delayMs }) => {
    expect(nextDelayMs({ delay, backoff, delayMax }, attempt, () => random)).toBe(delayMs)
  })

  it('is a whole number of milliseconds within the documented bounds for any options', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 1_000_000 }), random, (retry, attempt, draw) => {
        const delayMs = nextDelayMs(retry, attempt, () => draw)
        expect(Number.isSafeInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(1 + 1000 * Math.max(86_400, retry.delay ?? 0, retry.delayMax ?? 0))
      }),
    )
  })

  it('refuses attempts that are not counted from 1', () => {
    for (const attempt of [0, -1, 1.5, NaN]) expect(() => nextDelayMs(none, attempt)).toThrow('`attempt` must be')
  })
})

describe('askRetryFunction', () => {
  const context = { attempt: 1, maxAttempts: 3, error: new Error('x'), jobType: 't', payload: {} }
  const errors: unknown[] = []
  const fallback = { retry: none, random: () => 0, onError: (error: unknown) => void errors.push(error) }

  it('takes milliseconds or false', () => {
    expect(askRetryFunction(({ attempt }) => attempt * 1500.4, context, fallback)).toBe(1500)
    expect(askRetryFunction(() => 0, context, fallback)).toBe(0)
    expect(askRetryFunction(() => Infinity, context, fallback)).toBe(315_360_000_000)
    expect(askRetryFunction(() => false, context, fallback)).toBe(false)
    expect(errors).toEqual([])
  })

  it('falls back on the formula, with a report, when the function throws or answers nonsense', () => {
    const boom = new Error('boom')
    const faulty = [
      (): number => NaN,
      (): number => -1,
      (): never => {
        throw boom
      },
    ]
    for (const ask of faulty) expect(askRetryFunction(ask, context, fallback)).toBe(120_000)
    expect(errors).toHaveLength(3)
    expect(errors[2]).toBe(boom)
  })
})

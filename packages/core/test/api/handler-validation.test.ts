import { describe, expect, it, vi } from 'vitest'
import { testHandlerSerialization, validateHandlerSerializable } from '../../src/index.ts'

// specs/job-queue.md, section 23. No database: these look at a handler's text only.

/** A handler that shows another text than its own. */
function withText(text: string): (payload: unknown) => unknown {
  return Object.assign((payload: unknown) => payload, { toString: () => text })
}

describe('validateHandlerSerializable', () => {
  it.each([
    ['an arrow function', withText('async (payload, signal) => { await Promise.resolve(payload) }')],
    ['a function', withText('async function work(payload) { const n = 1; return payload.x + n }')],
    [
      'a handler that imports inside',
      withText("async () => { const { join } = await import('node:path'); return join('a', 'b') }"),
    ],
    ['a method in shorthand', withText('async work(payload) { return payload }')],
    ['the word this in a string', withText("() => 'this.value'")],
  ])('accepts %s', (_, handler) => {
    expect(validateHandlerSerializable(handler, 'work')).toEqual({ isSerializable: true })
  })

  it('refuses a handler that uses `this`, naming the job type', () => {
    const result = validateHandlerSerializable(withText('function () { return this.from }'), 'email')
    expect(result.isSerializable).toBe(false)
    expect(result.error).toContain(`Handler for job type "email" uses 'this' context which cannot be serialized.`)
  })

  it('refuses native code, as of a bound function', () => {
    for (const handler of [((payload: unknown) => payload).bind(null), withText('[native code]')]) {
      const result = validateHandlerSerializable(handler, 'email')
      expect(result.isSerializable).toBe(false)
      expect(result.error).toContain('contains native code')
    }
  })

  it('refuses a text that cannot be parsed', () => {
    const result = validateHandlerSerializable(withText('async () => { not code @'), 'email')
    expect(result.isSerializable).toBe(false)
    expect(result.error).toContain('cannot be serialized')
  })

  it('warns of a name from outside, and accepts', () => {
    const result = validateHandlerSerializable(withText('async () => { await database.query() }'), 'email')
    expect(result.isSerializable).toBe(true)
    expect(result.error).toContain('database')
  })

  it('never throws, whatever it is given', () => {
    const throwing = Object.assign(() => undefined, {
      toString(): string {
        throw new Error('no text')
      },
    })
    const result = validateHandlerSerializable(throwing, 'email')
    expect(result).toEqual({
      isSerializable: false,
      error: expect.stringContaining('Failed to validate handler serialization'),
    })
    for (const value of [undefined, null, 1, 'text', {}]) {
      expect(validateHandlerSerializable(value as never).isSerializable).toBe(false)
    }
  })

  it('does not call the handler', async () => {
    const handler = vi.fn<() => void>()
    validateHandlerSerializable(handler)
    await testHandlerSerialization(handler)
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('testHandlerSerialization', () => {
  it('accepts a handler that can be rebuilt', async () => {
    expect(await testHandlerSerialization(withText('async (payload) => payload'), 'email')).toEqual({
      isSerializable: true,
    })
  })

  it('refuses what validation refuses, with the same message', async () => {
    const handler = withText('() => this.x')
    expect(await testHandlerSerialization(handler, 'email')).toEqual(validateHandlerSerializable(handler, 'email'))
  })

  it('refuses a text that gives no function', async () => {
    const result = await testHandlerSerialization(withText('{ answer: 42 }'), 'email')
    expect(result.isSerializable).toBe(false)
  })
})

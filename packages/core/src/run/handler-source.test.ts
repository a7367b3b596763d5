import { describe, expect, it, vi } from 'vitest'
import { testHandlerSerialization, validateHandlerSerializable } from './handler-source.ts'

/* oxlint-disable typescript/unbound-method -- Methods without their object are the subject. */
type Spy = (...given: unknown[]) => unknown

const outside = vi.fn<Spy>()

class Service {
  prefix = 'x'
  send(): string {
    return this.prefix
  }
}

const serializable: readonly (readonly [string, (payload: never) => unknown])[] = [
  ['an arrow function', (payload: { n: number }) => payload.n],
  [
    'an async function',
    async function work(payload: { items: number[] }) {
      let sum = 0
      for (const item of payload.items) sum += item
      return { sum, at: new Date(), text: `sum: ${sum}` }
    },
  ],
  [
    'a method',
    {
      async work(payload: { n: number }) {
        const { n } = payload
        return n
      },
    }.work,
  ],
  [
    'a method with a quoted name',
    {
      'email.send'(payload: { n: number }) {
        return payload.n
      },
    }['email.send'],
  ],
  ['one that only talks about this.', () => "say this.that // and 'this.other'"],
]

const refused: readonly (readonly [string, (payload: never) => unknown, RegExp])[] = [
  [
    'uses `this`',
    Service.prototype.send,
    /^Handler for job type "email" uses 'this' context which cannot be serialized\./,
  ],
  [
    'is bound',
    ((payload: unknown) => payload).bind(undefined),
    /^Handler for job type "email" contains native code and cannot be serialized\./,
  ],
  ['is built in', Math.max as () => unknown, /contains native code/],
  [
    'has a text that does not parse',
    withText('() => { return }}'),
    /^Handler for job type "email" cannot be serialized: .+\. /,
  ],
]

describe('validateHandlerSerializable', () => {
  it.each(serializable)('accepts %s', (_name, handler) => {
    expect(validateHandlerSerializable(handler, 'email')).toEqual({ isSerializable: true })
  })

  it.each(refused)('refuses a handler that %s', (_name, handler, message) => {
    expect(validateHandlerSerializable(handler, 'email')).toEqual({
      isSerializable: false,
      error: expect.stringMatching(message),
    })
  })

  it('warns of names from outside, which may be defined in the thread after all', () => {
    const result = validateHandlerSerializable((payload: { n: number }) => missing(payload.n), 'email')
    expect(result.isSerializable).toBe(true)
    expect(result.error).toMatch(/^Handler for job type "email" seems to use .*"missing".* from outside its own text/)
  })

  it('names no job type when it is given none, and never throws', () => {
    expect(validateHandlerSerializable(Service.prototype.send).error).toContain('job type "unknown"')
    expect(validateHandlerSerializable('text' as never).isSerializable).toBe(false)
  })
})

describe('testHandlerSerialization', () => {
  it.each(serializable)('rebuilds %s', async (_name, handler) => {
    expect(await testHandlerSerialization(handler, 'email')).toEqual({ isSerializable: true })
  })

  it.each(refused)('refuses a handler that %s', async (_name, handler, message) => {
    expect(await testHandlerSerialization(handler, 'email')).toEqual({
      isSerializable: false,
      error: expect.stringMatching(message),
    })
  })

  it('does not call the handler', async () => {
    expect((await testHandlerSerialization(() => outside())).isSerializable).toBe(true)
    expect(outside).not.toHaveBeenCalled()
  })
})

declare function missing(n: number): unknown

/** A function whose source text is `text`. */
function withText(text: string): () => unknown {
  const handler = (): unknown => 1
  const original = Function.prototype.toString
  vi.spyOn(Function.prototype, 'toString').mockImplementation(function toString(this: () => unknown) {
    return this === handler ? text : original.call(this)
  })
  return handler
}

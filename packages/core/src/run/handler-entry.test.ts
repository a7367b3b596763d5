import { describe, expect, it, vi } from 'vitest'
import type { JobHandler } from '../model/handler.ts'
import { createHandlerEntry } from './handler-entry.ts'

type Spy = (...given: unknown[]) => unknown

/* oxlint-disable no-unused-vars, prefer-rest-params, typescript/unbound-method, typescript/no-useless-default-assignment -- The shape of the parameter lists is the subject. */
const plain: readonly (readonly [string, number, JobHandler<never>])[] = [
  ['no parameter', 0, () => undefined],
  ['one parameter', 1, async (payload) => payload],
  ['a commented parameter', 1, async (/** @type {any} */ payload /* the rest */) => payload],
  ['a bare parameter', 1, async (payload) => undefined],
  ['a destructured parameter', 1, async ({ a, b: c }: never) => undefined],
  ['a function', 1, async function send(payload) {}],
  ['a method', 1, { async send(payload: unknown) {} }.send],
  ['two parameters', 2, async ({ a }: never, signal) => undefined],
  ['three parameters', 3, async (payload, signal, ctx) => undefined],
]
const open: readonly (readonly [string, JobHandler])[] = [
  ['rest parameters', async (...given) => undefined],
  ['a default', async (payload, signal = new AbortController().signal) => undefined],
  [
    '`arguments`',
    function send() {
      return arguments.length
    },
  ],
  ['a bound function', ((payload: unknown, signal: unknown) => signal).bind(undefined, 1)],
  ['a spy', vi.fn<Spy>((payload) => undefined)],
  ['a proxy', new Proxy((payload: unknown) => undefined, {})],
]

describe('createHandlerEntry', () => {
  it.each(plain)('counts the parameters that a handler reads: %s', (_name, count, handler) => {
    expect(createHandlerEntry('email', handler as JobHandler).parameters).toBe(count)
  })

  it.each(open)('takes for granted that a handler may read everything: %s', (_name, handler) => {
    expect(createHandlerEntry('email', handler).parameters).toBe(3)
  })

  it('takes a module handler as it is', () => {
    const handler = { module: './jobs.js' }
    expect(createHandlerEntry('email', handler)).toEqual({ jobType: 'email', handler, parameters: 3 })
  })

  it('reads a long parameter list in no time', () => {
    const text = `async function ${'a'.repeat(5_000)}(${'abcdefgh, '.repeat(5_000)}${'a'.repeat(5_000)} = 1) {}`
    const handler = (): number => 1
    const original = Function.prototype.toString
    const spy = vi.spyOn(Function.prototype, 'toString').mockImplementation(function toString(this: Spy) {
      return this === handler ? text : original.call(this)
    })
    expect(createHandlerEntry('email', handler).parameters).toBe(3)
    spy.mockRestore()
  })
})

import { describe, expect, it, vi } from 'vitest'
import type { JobHandler } from '../model/handler.ts'
import { createHandlerEntry } from './handler-entry.ts'

type Spy = (...given: unknown[]) => unknown

/* oxlint-disable no-unused-vars, prefer-rest-params, typescript/unbound-method, typescript/no-useless-default-assignment -- The shape of the parameter lists is the subject. */
const one: readonly (readonly [string, JobHandler])[] = [
  ['no parameter', () => undefined],
  ['one parameter', async (payload) => payload],
  ['a bare parameter', async (payload) => undefined],
  ['a destructured parameter', async (given) => undefined],
  ['a function', async function send(payload) {}],
  ['a method', { async send(payload: unknown) {} }.send],
]
const all: readonly (readonly [string, JobHandler])[] = [
  ['two parameters', (payload, signal) => undefined],
  ['three parameters', async (payload, signal, ctx) => undefined],
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
  it.each(one)('sees that a handler takes nothing but the payload: %s', (_name, handler) => {
    expect(createHandlerEntry('email', handler).takesPayloadOnly).toBe(true)
  })

  it.each(all)('takes for granted that a handler may read everything: %s', (_name, handler) => {
    expect(createHandlerEntry('email', handler).takesPayloadOnly).toBe(false)
  })

  it('takes a module handler as it is', () => {
    const handler = { module: './jobs.js' }
    expect(createHandlerEntry('email', handler)).toEqual({ jobType: 'email', handler, takesPayloadOnly: false })
  })
})

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { anyPayload, defineJobs, findDefinition, handlersOf } from './define-jobs.ts'
import type { HandlerPayloadMapOf, JobDefinition, PayloadMapOf } from './define-jobs.ts'
import { checkPayload } from './validate-payload.ts'

/** The smallest schema with input and output types that differ: text in, number out. */
const numeric: StandardSchemaV1<{ amount: string }, { amount: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const amount = typeof value === 'object' && value !== null ? Number(Reflect.get(value, 'amount')) : NaN
      if (Number.isNaN(amount)) return { issues: [{ message: 'no number', path: ['amount', { key: 0 }] }] }
      return { value: { amount } }
    },
  },
}

const later = <In, Out>(schema: StandardSchemaV1<In, Out>): StandardSchemaV1<In, Out> => ({
  '~standard': { ...schema['~standard'], validate: async (value) => schema['~standard'].validate(value) },
})

const jobs = defineJobs({
  'charge.card': {
    payload: numeric,
    handler: async ({ amount }, signal, ctx) => {
      expectTypeOf(amount).toEqualTypeOf<number>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      return amount + ctx.attempt
    },
    maxAttempts: 5,
    retry: { delay: 1.5 },
  },
  email: {
    payload: anyPayload<{ to: string }>(),
    handler({ to }) {
      expectTypeOf(to).toEqualTypeOf<string>()
    },
    retry: ({ attempt, payload }) => (payload.to === '' ? false : attempt * 1000),
    codec: 'rich',
  },
})

describe('defineJobs', () => {
  it('infers payload types for adding and for handling', () => {
    expectTypeOf<PayloadMapOf<typeof jobs>>().toEqualTypeOf<{
      readonly 'charge.card': { amount: string }
      readonly email: { to: string }
    }>()
    expectTypeOf<HandlerPayloadMapOf<typeof jobs>['charge.card']>().toEqualTypeOf<{ amount: number }>()
    const all: Readonly<Record<string, JobDefinition>> = jobs
    expect(Object.keys(handlersOf(all))).toEqual(['charge.card', 'email'])
  })

  it('keeps defaults, turns retry options into the stored ones and leaves a retry function', () => {
    expect(jobs['charge.card']).toMatchObject({ maxAttempts: 5, retryDelay: 1.5, codec: 'json' })
    expect(jobs['charge.card']).not.toHaveProperty('retry')
    expect(jobs.email.codec).toBe('rich')
    expect(jobs.email.retry).toBeTypeOf('function')
  })

  it('finds no definition for names that objects inherit', () => {
    expect(findDefinition(jobs, 'email')).toBe(jobs.email)
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'nope']) {
      expect(findDefinition(jobs, name)).toBeUndefined()
    }
    expect(findDefinition(undefined, 'email')).toBeUndefined()
  })

  it.each([
    [{ maxAttempts: 0 }, 'email.maxAttempts'],
    [{ maxAtempts: 3 }, 'email.maxAtempts'],
    [{ codec: 'xml' }, 'email.codec'],
    [{ payload: {} }, 'email.payload'],
    [{ handler: 'send' }, 'email.handler'],
    [{ retry: 5 }, 'email.retry'],
    [{ retry: { delay: -1 } }, 'email.retryDelay'],
    [{ retry: { dealy: 1 } }, 'email.dealy'],
    [{ retry: { delay: 1 }, retryDelay: 2 }, 'email.retryDelay'],
  ])('refuses %j and names %s', (wrong, field) => {
    const definition: object = { payload: numeric, handler: () => 0, ...wrong }
    const define = (): unknown => Reflect.apply(defineJobs, undefined, [{ email: definition }])
    expect(define).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ field }) }),
    )
  })
})

describe('checkPayload', () => {
  it('answers the output of a sync schema at once and of an async one later', async () => {
    expect(checkPayload(jobs['charge.card'], { amount: '5' }, 'charge.card')).toEqual({ value: { amount: 5 } })
    const promised = checkPayload({ payload: later(anyPayload()) }, 'x', 't')
    expect(promised).toBeInstanceOf(Promise)
    expect(await promised).toEqual({ value: 'x' })
    expect(checkPayload(undefined, 'x', 't')).toEqual({ value: 'x' })
  })

  it('names every issue with its path', async () => {
    const message = 'The payload of `t` does not satisfy its schema. `payload.amount[0]`: no number'
    expect(() => checkPayload({ payload: numeric }, {}, 't')).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_INVALID',
        message,
        details: expect.objectContaining({ field: 'payload.amount[0]' }),
      }),
    )
    await expect(checkPayload({ payload: later(numeric) }, {}, 't')).rejects.toMatchObject({ message })
  })

  it('turns a schema that throws into PAYLOAD_INVALID', async () => {
    const boom = new Error('boom')
    const throwing = (validate: () => never): StandardSchemaV1 => ({
      '~standard': { version: 1, vendor: 'test', validate },
    })
    const schema = throwing(() => {
      throw boom
    })
    expect(() => checkPayload({ payload: schema }, 1, 't')).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_INVALID', cause: boom }),
    )
    await expect(checkPayload({ payload: later(schema) }, 1, 't')).rejects.toMatchObject({ cause: boom })
  })
})

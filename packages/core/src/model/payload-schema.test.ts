import { expect, test } from 'vitest'
import { z } from 'zod'
import { payloadSchemaOf } from './payload-schema.ts'

test('a library that knows Standard JSON Schema tells what a payload must be', () => {
  const schema = z.object({ to: z.email(), copies: z.int().default(1) })
  expect(payloadSchemaOf(schema)).toMatchObject({
    type: 'object',
    properties: { to: { type: 'string', format: 'email' }, copies: { type: 'integer' } },
    required: ['to'],
  })
})

test('what cannot be told is null, never an error', () => {
  expect(payloadSchemaOf(z.object({ at: z.date() }))).toBeNull()
  expect(payloadSchemaOf({ '~standard': { version: 1, vendor: 'x', validate: () => ({ value: 1 }) } })).toBeNull()
  expect(payloadSchemaOf(undefined)).toBeNull()
})

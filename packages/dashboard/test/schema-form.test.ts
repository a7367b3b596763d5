import { describe, expect, test } from 'vitest'
import { fieldOf, initialOf } from '../ui/schema.ts'

describe('the fields of a payload', () => {
  test.each([
    [
      { type: 'string', format: 'email' },
      { kind: 'text', type: 'email' },
    ],
    [
      { type: 'string', format: 'date-time' },
      { kind: 'text', type: 'datetime-local' },
    ],
    [{ type: 'integer' }, { kind: 'number', isWhole: true }],
    [{ type: ['number', 'null'] }, { kind: 'number', isWhole: false }],
    [{ anyOf: [{ type: 'boolean' }, { type: 'null' }] }, { kind: 'boolean' }],
    [
      { type: 'string', enum: ['a', 'b'] },
      { kind: 'choice', values: ['a', 'b'] },
    ],
    [{ const: 7 }, { kind: 'choice', values: [7] }],
    [
      { type: 'array', items: { type: 'string' } },
      { kind: 'list', items: { type: 'string' } },
    ],
    [{ type: 'object', additionalProperties: { type: 'string' } }, { kind: 'json' }],
    [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, { kind: 'json' }],
    [{ type: 'array' }, { kind: 'json' }],
    [{}, { kind: 'json' }],
  ])('%j', (schema, field) => {
    expect(fieldOf(schema, schema)).toEqual(field)
  })

  test('references are followed, also those that lead in a circle', () => {
    const root = {
      $defs: {
        'a/b': { type: 'integer' },
        loop: { $ref: '#/$defs/loop' },
        tree: { type: 'object', properties: { next: { $ref: '#/$defs/tree' } } },
      },
    }
    expect(fieldOf({ $ref: '#/$defs/a~1b', description: 'x' }, root)).toEqual({ kind: 'number', isWhole: true })
    expect(fieldOf({ $ref: '#/$defs/loop' }, root)).toEqual({ kind: 'json' })
    expect(fieldOf({ $ref: '#/nowhere' }, root)).toEqual({ kind: 'json' })
    expect(initialOf({ $ref: '#/$defs/tree' }, root, true)).toEqual({})
  })

  test('a form begins with what is required and what has a default', () => {
    const schema = {
      type: 'object',
      required: ['to', 'urgent', 'items', 'kind', 'from'],
      properties: {
        to: { type: 'string' },
        urgent: { type: 'boolean' },
        items: { type: 'array', items: { type: 'string' } },
        kind: { enum: ['html', 'text'] },
        from: { type: 'object', required: ['name'], properties: { name: { type: 'string', default: 'us' } } },
        tries: { type: 'integer', default: 3 },
        note: { type: 'string' },
      },
    }
    expect(initialOf(schema, schema, true)).toEqual({
      urgent: false,
      items: [],
      kind: 'html',
      from: { name: 'us' },
      tries: 3,
    })
  })
})

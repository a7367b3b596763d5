import { isRecord } from './check.ts'

/** What the libraries that know Standard JSON Schema are asked for; all of them know this draft. */
const TARGET = { target: 'draft-2020-12' }

/**
 * What a payload must be, as JSON Schema, from a schema whose library tells it (`~standard.jsonSchema.input`); else `null`. Never
 * throws: a schema may hold what JSON Schema has no word for.
 */
export function payloadSchemaOf(schema: unknown): Readonly<Record<string, unknown>> | null {
  try {
    const standard = memberOf(schema, '~standard')
    const described = memberOf(standard, 'jsonSchema')
    const input = memberOf(described, 'input')
    if (typeof input !== 'function') return null
    const told: unknown = Reflect.apply(input, described, [TARGET])
    return isRecord(told) ? told : null
  } catch {
    return null
  }
}

/** A schema may be a function, as ArkType's are. */
function memberOf(value: unknown, name: string): unknown {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? Reflect.get(value, name)
    : undefined
}

/** A JSON Schema, as far as a form knows what it means. */
export type Schema = Readonly<Record<string, unknown>>

export type Field =
  | { readonly kind: 'text'; readonly type: 'text' | 'email' | 'url' | 'date' | 'datetime-local' }
  | { readonly kind: 'number'; readonly isWhole: boolean }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'choice'; readonly values: readonly unknown[] }
  | { readonly kind: 'object'; readonly properties: readonly Property[] }
  | { readonly kind: 'list'; readonly items: Schema }
  /** Whatever a form has no words for is given as JSON. */
  | { readonly kind: 'json' }

export interface Property {
  readonly name: string
  readonly schema: Schema
  readonly isRequired: boolean
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What is entered for a schema. `root` is where its references lead. */
export function fieldOf(given: Schema, root: Schema): Field {
  const schema = resolved(given, root)
  if ('const' in schema) return { kind: 'choice', values: [schema['const']] }
  if (Array.isArray(schema['enum'])) return { kind: 'choice', values: schema['enum'] }
  switch (schema['type']) {
    case 'string':
      return { kind: 'text', type: inputType(schema['format']) }
    case 'number':
    case 'integer':
      return { kind: 'number', isWhole: schema['type'] === 'integer' }
    case 'boolean':
      return { kind: 'boolean' }
    case 'array':
      return isObject(schema['items']) ? { kind: 'list', items: schema['items'] } : { kind: 'json' }
    case 'object':
      return objectField(schema)
    default:
      return { kind: 'json' }
  }
}

function objectField(schema: Schema): Field {
  const { properties, required, additionalProperties } = schema
  // A map of any keys is no form.
  if (!isObject(properties) || isObject(additionalProperties)) return { kind: 'json' }
  const isRequired = new Set(Array.isArray(required) ? required : [])
  return {
    kind: 'object',
    properties: Object.entries(properties).flatMap(([name, property]) =>
      isObject(property) ? [{ name, schema: property, isRequired: isRequired.has(name) }] : [],
    ),
  }
}

function inputType(format: unknown): 'text' | 'email' | 'url' | 'date' | 'datetime-local' {
  switch (format) {
    case 'email':
    case 'date':
      return format
    case 'uri':
      return 'url'
    case 'date-time':
      return 'datetime-local'
    default:
      return 'text'
  }
}

const MOST_REFERENCES = 10

/** Behind references within the schema, and without the `null` that an optional value may also be. */
export function resolved(given: Schema, root: Schema): Schema {
  let schema = given
  for (let at = 0; at < MOST_REFERENCES; at++) {
    const next = referenced(schema, root) ?? onlyOption(schema)
    if (next === null) return schema
    schema = next
  }
  // It refers to itself.
  return {}
}

function referenced({ $ref: reference, ...rest }: Schema, root: Schema): Schema | null {
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return null
  let found: unknown = root
  for (const part of reference.slice(2).split('/'))
    found = isObject(found) ? found[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
  return isObject(found) ? { ...found, ...rest } : null
}

/** Of what can be several things, the one that is not `null`. */
function onlyOption({ anyOf, oneOf, type, ...rest }: Schema): Schema | null {
  if (Array.isArray(type)) {
    const types = type.filter((one) => one !== 'null')
    return types.length === 1 ? { ...rest, type: types[0] } : null
  }
  const options = anyOf ?? oneOf
  if (!Array.isArray(options)) return null
  const real = options.filter((option) => isObject(option) && option['type'] !== 'null')
  const [only] = real
  return real.length === 1 && isObject(only) ? { ...rest, ...only } : null
}

/** What a form begins with: what is required, as empty as it can be, and what has a default. `undefined`: nothing. */
export function initialOf(given: Schema, root: Schema, isRequired: boolean): unknown {
  const schema = resolved(given, root)
  if ('default' in schema) return schema['default']
  if (!isRequired) return undefined
  const field = fieldOf(schema, root)
  switch (field.kind) {
    case 'object': {
      const entries = field.properties.map(
        (property) => [property.name, initialOf(property.schema, root, property.isRequired)] as const,
      )
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
    }
    case 'list':
      return []
    case 'boolean':
      return false
    case 'choice':
      return field.values[0]
    case 'json':
      return {}
    case 'text':
    case 'number':
      return undefined
  }
}

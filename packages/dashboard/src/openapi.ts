import type { Route, Schema } from './call.ts'
import { CHANGE_HEADER } from './guard.ts'

/** A description of the API as OpenAPI 3.1; of its operations only what is of use without a program that reads all of OpenAPI. */
export interface ApiDescription {
  readonly openapi: string
  readonly info: object
  readonly servers: readonly { readonly url: string }[]
  /** By path (`/jobs/{id}`), then by method in small letters. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>
  readonly components: object
}

/** What one method of one path does. */
export interface ApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly ApiParameter[]
  readonly requestBody?: ApiBody
  readonly responses: object
}

/** A part of the path, the query or the headers. */
export interface ApiParameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  /** A part of a JSON Schema. */
  readonly schema: Schema
}

/** What an operation is sent. */
export interface ApiBody {
  readonly required: boolean
  readonly content: { readonly 'application/json': { readonly schema: ApiBodySchema } }
}

/** The fields of a body, as JSON Schema. */
export interface ApiBodySchema {
  readonly type: 'object'
  readonly additionalProperties: false
  readonly properties: Readonly<Record<string, Schema>>
}

/** What the API can do, as OpenAPI 3.1 says it; made of the table that the requests are routed by. */
export function describeApi(routes: readonly Route[], basePath: string): ApiDescription {
  const paths: Record<string, Record<string, ApiOperation>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace dashboard',
      version: '1',
      description: `Changes need the header \`${CHANGE_HEADER}: 1\` and a JSON body.`,
    },
    servers: [{ url: `${basePath}/api` }],
    paths,
    components: {
      schemas: {
        Problem: {
          type: 'object',
          required: ['error', 'code'],
          properties: { error: { type: 'string' }, code: { type: 'string' } },
        },
      },
    },
  }
}

function operationOf(route: Route): ApiOperation {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']): ApiParameter => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'id' ? { type: 'integer', minimum: 1 } : { type: 'string' },
  }))
  const inQuery = Object.entries(route.query ?? {}).map(([name, schema]): ApiParameter => ({
    name,
    in: 'query',
    schema,
  }))
  const header: ApiParameter = { name: CHANGE_HEADER, in: 'header', required: true, schema: { const: '1' } }
  const isChange = route.method === 'POST'
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[/:.-]+(\w)/g, (_, first: string) => first.toUpperCase())}`,
    summary: route.summary,
    parameters: [...inPath, ...inQuery, ...(isChange ? [header] : [])],
    ...(route.body && {
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: { type: 'object', additionalProperties: false, properties: route.body } },
        },
      },
    }),
    responses: {
      200: {
        description: 'As the summary says.',
        content: {
          [route.answers ?? 'application/json']: {
            schema: { type: route.answers === undefined ? 'object' : 'string' },
          },
        },
      },
      default: {
        description: 'Why not.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

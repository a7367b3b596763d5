import type { Route } from './call.ts'
import { CHANGE_HEADER } from './guard.ts'

/** What the API can do, as OpenAPI 3.1 says it; made of the table that the requests are routed by. */
export function describeApi(routes: readonly Route[], basePath: string): object {
  const paths: Record<string, Record<string, object>> = {}
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

function operationOf(route: Route): object {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'id' ? { type: 'integer', minimum: 1 } : { type: 'string' },
  }))
  const inQuery = Object.entries(route.query ?? {}).map(([name, schema]) => ({ name, in: 'query', schema }))
  const header = { name: CHANGE_HEADER, in: 'header', required: true, schema: { const: '1' } }
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

import type { Match, Route } from '../call.ts'
import { type ApiDescription, describeApi } from '../openapi.ts'
import { auditRoutes } from './audit.ts'
import { bulkRoutes } from './bulk.ts'
import { changeRoutes } from './changes.ts'
import { errorRoutes } from './errors.ts'
import { eventsRoute } from './events.ts'
import { instanceRoutes } from './instance.ts'
import { jobRoutes } from './jobs.ts'
import { laneRoutes } from './lanes.ts'
import { metricsRoutes } from './metrics.ts'
import { pauseRoutes } from './pauses.ts'
import { scheduleRoutes } from './schedules.ts'
import { typeRoutes } from './job-types.ts'

const described: readonly Route[] = [
  ...instanceRoutes,
  ...jobRoutes,
  ...errorRoutes,
  ...laneRoutes,
  ...metricsRoutes,
  ...pauseRoutes,
  ...typeRoutes,
  ...auditRoutes,
  ...changeRoutes,
  ...bulkRoutes,
  ...scheduleRoutes,
  eventsRoute(match),
]

/**
 * The API of the dashboard, as `GET /api/openapi.json` describes it: for programs that call the handler in their own process.
 *
 * @param basePath - Where it is mounted. Default: at the root.
 */
export function describeDashboardApi(basePath: string = ''): ApiDescription {
  return describeApi(described, basePath)
}

/** Everything that the API can do. */
export const routes: readonly Route[] = [
  ...described,
  {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description.',
    handle: ({ basePath }) => Promise.resolve(describeDashboardApi(basePath)),
  },
]

/** Whether any method has something at this path. */
export function hasPath(path: string): boolean {
  return routes.some((route) => paramsOf(route.path, path) !== null)
}

export function match(method: string, path: string): Match | null {
  for (const route of routes) {
    const params = route.method === method ? paramsOf(route.path, path) : null
    if (params !== null) return { route, params }
  }
  return null
}

function paramsOf(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = value
    else if (part !== value) return null
  }
  return params
}

import type { JobQueue } from 'millrace'
import { accessOf, type Access, type DashboardPeer } from './access.ts'
import { readBody } from './body.ts'
import type { Dashboard } from './call.ts'
import { checkChange, checkHost, checkOrigin, SAFE_HEADERS } from './guard.ts'
import { Live } from './live.ts'
import { locate, notFound } from './locate.ts'
import { checkOptions, type DashboardOptions } from './options.ts'
import { asset, page } from './page.ts'
import { problemOf } from './problem.ts'
import { RequestProblem } from './request-problem.ts'
import { hasPath, match } from './routes/table.ts'
import { Sampler } from './sampler.ts'
import { SharedReads } from './shared-reads.ts'

/**
 * Answers a request. Never rejects: what goes wrong is a response, too.
 *
 * @param peer - What the server knows of who asks; `toNodeHandler` and `serveDashboard` tell it. Anything else that a framework
 *   passes here is ignored.
 */
export type DashboardHandler = (request: Request, peer?: DashboardPeer | object) => Promise<Response>

/**
 * The dashboard of a queue: the page, its files and a JSON API, as one handler for any framework that knows `Request` and
 * `Response`; `toNodeHandler` makes it one for the others.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export function createDashboard<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: DashboardOptions<PayloadMap> = {},
): DashboardHandler {
  const { handlers, processorOptions } = options
  const all = untyped(queue)
  const dashboard: Dashboard = {
    queue: all,
    settings: checkOptions(options),
    sampler: new Sampler(() => all.getFigures()),
    reads: new SharedReads(),
    live: new Live(),
    processor: handlers === undefined ? null : queue.createProcessor(handlers, processorOptions),
  }
  return async (request, peer = {}) => secured(await answer(dashboard, request, peerOf(peer)))
}

/** The page knows no types but by name. */
function untyped<PayloadMap>(queue: JobQueue<PayloadMap>): JobQueue {
  return queue as never
}

function peerOf(given: object): DashboardPeer {
  const remoteAddress: unknown = Reflect.get(given, 'remoteAddress')
  const basePath: unknown = Reflect.get(given, 'basePath')
  return {
    ...(typeof remoteAddress === 'string' && { remoteAddress }),
    ...(typeof basePath === 'string' && { basePath }),
  }
}

async function answer(dashboard: Dashboard, request: Request, peer: DashboardPeer): Promise<Response> {
  try {
    const response = await dispatch(dashboard, request, peer)
    if (request.method !== 'HEAD') return response
    await response.body?.cancel()
    return new Response(null, response)
  } catch (error) {
    const { status, body } = problemOf(error)
    return json(body, status)
  }
}

async function dispatch(dashboard: Dashboard, request: Request, peer: DashboardPeer): Promise<Response> {
  const { settings } = dashboard
  checkHost(request, settings)
  const access = await accessOf(request, peer, settings)
  if (access instanceof Response) return access
  checkOrigin(request, settings)
  const url = new URL(request.url)
  const basePath = settings.basePath ?? peer.basePath?.replace(/\/$/, '') ?? null
  const wantsPage = request.headers.get('accept')?.includes('text/html') === true
  const place = locate(url.pathname, basePath, { isApi: hasPath, wantsPage })
  if (place.kind === 'api') return callApi({ dashboard, access, request, url, ...place })
  if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod()
  return place.kind === 'asset' ? asset(place.name) : page(place.basePath)
}

interface ApiRequest {
  readonly dashboard: Dashboard
  readonly access: Access
  readonly request: Request
  readonly url: URL
  readonly path: string
  readonly basePath: string
}

async function callApi({ dashboard, access, request, url, path, basePath }: ApiRequest): Promise<Response> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const found = match(method, path)
  if (found === null) throw hasPath(path) ? wrongMethod() : notFound()
  const { route, params } = found
  const isChange = route.method === 'POST'
  if (isChange) checkChange(request)
  if (isChange && !access.canChange) throw new RequestProblem(403, 'READ_ONLY', 'Nothing can be changed here.')
  if (route.isForWholeInstance === true && access.tenantId !== null)
    throw new RequestProblem(403, 'TENANT_ONLY', 'This concerns more than one tenant.')
  const body = isChange ? await readBody(request) : {}
  const { signal } = request
  const answered = await route.handle({
    dashboard,
    access,
    queue: isChange ? dashboard.queue.withActor(access.actor ?? NOBODY) : dashboard.queue,
    params,
    query: url.searchParams,
    body,
    basePath,
    signal,
  })
  if (isChange) dashboard.live.hurry()
  return answered instanceof Response ? answered : json(answered, 200)
}

/** In the audit, where `authorize` gives no name, or there is none. */
const NOBODY = 'dashboard'

function wrongMethod(): RequestProblem {
  return new RequestProblem(405, 'METHOD_NOT_ALLOWED', 'This method means nothing here.')
}

function json(body: unknown, status: number): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } })
}

function secured(response: Response): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(SAFE_HEADERS)) headers.set(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

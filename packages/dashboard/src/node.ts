import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { JobQueue } from 'millrace'
import { isLoopback } from './access.ts'
import { createDashboard, type DashboardHandler } from './dashboard.ts'
import { refuse, type DashboardOptions } from './options.ts'

/** A request of `node:http`, and what Express and its kin add to it. */
interface NodeRequest extends IncomingMessage {
  readonly originalUrl?: string | undefined
  readonly baseUrl?: string | undefined
  readonly body?: unknown
}

/** A handler of requests of `node:http`. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

/** The handler for `node:http`, and for whatever hands on its requests: Express, Nest, Koa, Fastify. */
export function toNodeHandler(dashboard: DashboardHandler): NodeHandler {
  return (request, response) => {
    // What is left to go wrong is a connection that is gone.
    respond(dashboard, request, response).catch(() => response.destroy())
  }
}

async function respond(dashboard: DashboardHandler, node: NodeRequest, response: ServerResponse): Promise<void> {
  const target = node.originalUrl ?? node.url ?? '/'
  // Before anything resolves them: `/assets/../../etc/passwd` is asked by nobody who means well.
  const isSound =
    /^\/(?!\/)[^\s\\]*$/.test(target) && !/(?:^|\/)(?:\.|%2e){1,2}(?:[/?#]|$)/i.test(target.split('?')[0] ?? '')
  const host = node.headers.host ?? ''
  if (!isSound || !URL.canParse(`http://${host}${target}`)) {
    response.writeHead(404, { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' }).end('Not found\n')
    return
  }
  const peer = {
    remoteAddress: node.socket.remoteAddress,
    ...(node.originalUrl !== undefined && node.baseUrl && { basePath: node.baseUrl }),
  }
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const answer = await dashboard(requestOf(node, `http://${host}${target}`, gone.signal), peer)
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null) response.end()
  else await pipeline(Readable.fromWeb(answer.body as never), response)
}

function requestOf(node: NodeRequest, url: string, signal: AbortSignal): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(node.headers)) {
    if (!name.startsWith(':')) headers.set(name, Array.isArray(value) ? value.join(', ') : (value ?? ''))
  }
  const { method = 'GET' } = node
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers, signal })
  return new Request(url, { method, headers, signal, ...bodyOf(node) })
}

/** A parser before us may have read it. */
function bodyOf(node: NodeRequest): object {
  const { body } = node
  if (!node.readableEnded || body === undefined || body === null) return { body: Readable.toWeb(node), duplex: 'half' }
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  return { body: isRaw ? body : JSON.stringify(body) }
}

/** What `serveDashboard` takes besides the queue. */
export interface ServeOptions<PayloadMap> extends DashboardOptions<PayloadMap> {
  /** Default 0: one that is free. */
  readonly port?: number | undefined
  /** What to listen at. Default `127.0.0.1`; any other than this machine's own needs `authorize`. */
  readonly host?: string | undefined
}

/** A server of its own for the dashboard. */
export interface DashboardServer extends AsyncDisposable {
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the dashboard alone, for those who have no server to mount it in.
 *
 * @throws MillraceError `OPTION_INVALID`, also for a host that others reach without `authorize`
 */
export async function serveDashboard<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  { port = 0, host = '127.0.0.1', ...options }: ServeOptions<PayloadMap> = {},
): Promise<DashboardServer> {
  if (!isLoopback(host) && options.authorize === undefined)
    return refuse('host', host, 'this machine itself, unless `authorize` says who may come in')
  const basePath = options.basePath ?? ''
  const server = createServer(toNodeHandler(createDashboard(queue, { ...options, basePath })))
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://${name}:${typeof address === 'object' ? address?.port : port}${basePath}/`,
    close,
    [Symbol.asyncDispose]: close,
  }
}

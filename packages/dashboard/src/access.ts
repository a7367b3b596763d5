import { createHash, timingSafeEqual } from 'node:crypto'
import { refuse, type DashboardAccess, type DashboardAuthorize, type Settings } from './options.ts'
import { RequestProblem } from './request-problem.ts'

/** What the server knows of a request that is not in it. */
export interface DashboardPeer {
  /** Of the connection's other end; never take it from a header. */
  readonly remoteAddress?: string | undefined
  /** Where a router has mounted the handler, if it tells. */
  readonly basePath?: string | undefined
}

/** `DashboardAccess` with every default in place. */
export interface Access {
  readonly actor: string | null
  readonly canChange: boolean
  readonly tenantId: string | null
}

/** @returns A `Response` if that is to be sent instead. */
export async function accessOf(
  request: Request,
  peer: DashboardPeer,
  { authorize, readOnly }: Settings,
): Promise<Access | Response> {
  const granted = authorize === null ? isFromThisMachine(request, peer) || closed() : await authorize(request)
  if (granted instanceof Response) return granted
  if (granted === false || typeof granted !== (granted === true ? 'boolean' : 'object'))
    throw new RequestProblem(401, 'UNAUTHORIZED', 'Sign in first.')
  const { actor, canChange = true, tenantId }: DashboardAccess = granted === true ? {} : granted
  return { actor: nameOf(actor), canChange: canChange && !readOnly, tenantId: tenantId ?? null }
}

/** As long as it can be noted. */
function nameOf(actor: unknown): string | null {
  return typeof actor === 'string' && actor !== '' ? actor.slice(0, 255) : null
}

function closed(): never {
  const message =
    'This dashboard is closed to other machines until it is told who may come in: pass `authorize` to createDashboard. ' +
    'On this machine itself it is open where the handler knows the address of who asks, as behind `toNodeHandler`.'
  throw new RequestProblem(401, 'AUTHORIZE_MISSING', message)
}

/** A proxy on this machine would make everybody come from it; most say that they are one. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via', 'cf-connecting-ip']

function isFromThisMachine(request: Request, { remoteAddress }: DashboardPeer): boolean {
  if (remoteAddress === undefined || !isLoopback(remoteAddress)) return false
  return !PROXY_HEADERS.some((name) => request.headers.has(name))
}

/** Whether an address, or the name of a host, is this machine's own. */
export function isLoopback(address: string): boolean {
  const host = address.replace(/^::ffff:/i, '').replace(/^\[(.*)\]$/, '$1')
  return host === '::1' || host === 'localhost' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/**
 * Asks for a user name and a password as browsers know it (HTTP Basic), compared in constant time. Use it over TLS.
 *
 * @throws MillraceError `OPTION_INVALID` for an empty name or password, so that a variable that is not set opens nothing
 */
export function basicAuth(credentials: {
  readonly username: string | undefined
  readonly password: string | undefined
}): DashboardAuthorize {
  const { username, password } = credentials
  if (!username) return refuse('username', username, 'a user name')
  if (!password) return refuse('password', password, 'a password')
  const expected = digest(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`)
  return (request) => {
    if (timingSafeEqual(digest(request.headers.get('authorization') ?? ''), expected)) return { actor: username }
    return new Response('Sign in first.', {
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="Millrace", charset="UTF-8"', 'cache-control': 'no-store' },
    })
  }
}

/** Of equal length whatever the text. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

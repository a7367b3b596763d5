import { isLoopback } from './access.ts'
import type { Settings } from './options.ts'
import { RequestProblem } from './request-problem.ts'

/** What the page sends with every change: a header that another site's page cannot set without asking, and is never allowed to. */
export const CHANGE_HEADER = 'x-millrace-dashboard'

/** On every answer. Nothing but files of its own is ever loaded, no script or style stands in the page, nobody may frame it. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
}

/**
 * Refuses a request for a name that is not ours. A page whose name was pointed at this machine (DNS rebinding) is of the same
 * origin for the browser, but says its own name.
 */
export function checkHost(request: Request, { allowedHosts }: Settings): void {
  const host = (request.headers.get('host') ?? new URL(request.url).host).toLowerCase()
  if (isLoopback(hostname(host)) || allowedHosts.some((allowed) => matchesHost(allowed, host))) return
  const message = `The host ${JSON.stringify(host.slice(0, 200))} is not allowed; add it to \`allowedHosts\`.`
  throw new RequestProblem(403, 'HOST_FORBIDDEN', message)
}

function matchesHost(allowed: string, host: string): boolean {
  if (allowed === '*' || allowed === host || allowed === hostname(host)) return true
  return allowed.startsWith('*.') && (host.endsWith(allowed.slice(1)) || hostname(host).endsWith(allowed.slice(1)))
}

function hostname(host: string): string {
  return host.replace(/:\d+$/, '')
}

/** Refuses what the page of another site has a browser send, reading as well as changing. */
export function checkOrigin(request: Request, settings: Settings): void {
  const site = request.headers.get('sec-fetch-site')
  const isNavigation = request.headers.get('sec-fetch-mode') === 'navigate'
  const isForeign = site !== null && site !== 'same-origin' && site !== 'none'
  if (isForeign && !(request.method === 'GET' && isNavigation)) throw foreign(`Sec-Fetch-Site: ${site}`)
  const origin = request.headers.get('origin')
  if (origin !== null && !isOwnOrigin(origin, request, settings)) throw foreign(`Origin: ${origin.slice(0, 200)}`)
}

/** A change needs the header besides, which a form cannot send. */
export function checkChange(request: Request): void {
  if (request.headers.has(CHANGE_HEADER)) return
  throw new RequestProblem(403, 'HEADER_MISSING', `Send the header \`${CHANGE_HEADER}: 1\` with every change.`)
}

function isOwnOrigin(origin: string, request: Request, { allowedHosts }: Settings): boolean {
  const host = request.headers.get('host') ?? new URL(request.url).host
  const from = URL.canParse(origin) ? new URL(origin).host : ''
  if (from === '') return false
  return from === host.toLowerCase() || allowedHosts.some((allowed) => allowed !== '*' && matchesHost(allowed, from))
}

function foreign(what: string): RequestProblem {
  return new RequestProblem(403, 'ORIGIN_FORBIDDEN', `This request comes from another site (${what}).`)
}

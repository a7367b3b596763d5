import { isBasePath } from './options.ts'
import { RequestProblem } from './request-problem.ts'

/** What of the dashboard a request means. */
export type Place =
  | { readonly kind: 'page'; readonly basePath: string }
  | { readonly kind: 'asset'; readonly name: string }
  | { readonly kind: 'api'; readonly path: string; readonly basePath: string }

/** Where Prometheus looks if it is told nothing else. */
const PROMETHEUS = '/metrics'

/** What decides where the base path ends, if it is not told. */
export interface Hints {
  /** Whether the API has such a path, `/api` left out. */
  readonly isApi: (path: string) => boolean
  /** Whether who asks takes HTML. */
  readonly wantsPage: boolean
}

/**
 * Which part a path means.
 *
 * @param path - Of the URL, still encoded.
 * @param basePath - Without a slash at the end; `null`: whatever stands before what is known.
 * @throws RequestProblem 404
 */
export function locate(path: string, basePath: string | null, hints: Hints): Place {
  // Nothing of ours has a name that needs escaping, and what is escaped may mean something to whoever unescapes it.
  if (/%(?:00|2e|2f|5c)|\\|\/\.\.?(?:\/|$)/i.test(path)) throw notFound()
  return basePath === null ? find(path, hints) : within(path, basePath)
}

function within(path: string, basePath: string): Place {
  if (path !== basePath && !path.startsWith(`${basePath}/`)) throw notFound()
  const rest = path.slice(basePath.length)
  if (rest === '' || rest === '/') return { kind: 'page', basePath }
  if (rest === PROMETHEUS) return { kind: 'api', path: '/prometheus', basePath }
  if (rest.startsWith('/api/')) return { kind: 'api', path: rest.slice(4), basePath }
  const [, name] = /^\/assets\/([\w.-]+)$/.exec(rest) ?? []
  if (name === undefined) throw notFound()
  return { kind: 'asset', name }
}

/** The last place that fits wins: a base path may itself contain `/api/`. */
function find(path: string, { isApi, wantsPage }: Hints): Place {
  const [, name] = /\/assets\/([\w.-]+)$/.exec(path) ?? []
  if (name !== undefined) return { kind: 'asset', name }
  for (let at = path.lastIndexOf('/api/'); at >= 0; at = at === 0 ? -1 : path.lastIndexOf('/api/', at - 1)) {
    if (isApi(path.slice(at + 4))) return { kind: 'api', path: path.slice(at + 4), basePath: path.slice(0, at) }
  }
  if (path.endsWith(PROMETHEUS) && !wantsPage)
    return { kind: 'api', path: '/prometheus', basePath: path.slice(0, -PROMETHEUS.length) }
  // Below an `/api/` the page is for browsers only: programs asked for something that the API does not have.
  if (!isBasePath(path) || /\.\w+$|\/assets\//.test(path) || (!wantsPage && /\/api\//.test(path))) throw notFound()
  return { kind: 'page', basePath: path.replace(/\/$/, '') }
}

export function notFound(what: string = 'There is nothing here.'): RequestProblem {
  return new RequestProblem(404, 'NOT_FOUND', what)
}

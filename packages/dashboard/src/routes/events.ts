import { eventStream } from 'millrace/http'
import type { Call, Match, Route } from '../call.ts'
import type { Reading } from '../live.ts'
import { problemOf } from '../problem.ts'
import { RequestProblem } from '../request-problem.ts'

const MAX_PATHS = 12
const MAX_PATH = 2000

type Find = (method: string, path: string) => Match | null

/**
 * The route that tells what has changed.
 *
 * @param find - Knows the routes that can be watched.
 */
export function eventsRoute(find: Find): Route {
  return {
    method: 'GET',
    path: '/events',
    summary:
      'What the paths given answer, now and whenever it is another, as messages of `{ path, status, body }`. 503 if too many are open.',
    query: {
      path: {
        type: 'array',
        items: { type: 'string', maxLength: MAX_PATH },
        minItems: 1,
        maxItems: MAX_PATHS,
        description: 'Below `/api`, with its query, such as `/jobs/42`.',
      },
    },
    answers: 'text/event-stream',
    handle: (call) => Promise.resolve(streamOf(call, find)),
  }
}

function streamOf(call: Call, find: Find): Response {
  const { live } = call.dashboard
  const paths = [...new Set(call.query.getAll('path'))]
  if (paths.length === 0 || paths.length > MAX_PATHS || paths.some((path) => path.length > MAX_PATH))
    throw new RequestProblem(400, 'PARAMETER_INVALID', `Give \`path\` 1 to ${MAX_PATHS} times.`)
  const watched = paths.map((path) => ({ path, read: readingOf(call, path, find) }))
  const leave = live.enter()
  if (leave === null)
    throw new RequestProblem(503, 'TOO_MANY_STREAMS', 'Too many streams are open; ask again and again instead.')
  return eventStream({
    signal: call.signal,
    open(send) {
      const ends = watched.map(({ path, read }) =>
        live.watch(JSON.stringify([path, call.access, call.basePath]), read, (reading) =>
          send({ path, ...reading }, path),
        ),
      )
      return () => {
        leave()
        for (const end of ends) end()
      }
    },
  })
}

/** @throws RequestProblem 403, 404 */
function readingOf(call: Call, path: string, find: Find): () => Promise<Reading> {
  const [place = '', ...query] = path.split('?')
  const found = find('GET', place)
  if (found === null || found.route.isLive !== true)
    throw new RequestProblem(404, 'NOT_FOUND', `${JSON.stringify(path.slice(0, 100))} cannot be watched.`)
  const { route, params } = found
  if (route.isForWholeInstance === true && call.access.tenantId !== null)
    throw new RequestProblem(403, 'TENANT_ONLY', 'This concerns more than one tenant.')
  const watched: Call = { ...call, params, query: new URLSearchParams(query.join('?')) }
  return async () => {
    try {
      return { status: 200, body: await route.handle(watched) }
    } catch (error) {
      return problemOf(error)
    }
  }
}

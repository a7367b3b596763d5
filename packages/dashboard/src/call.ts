import type { JobQueue, Processor } from 'millrace'
import type { Access } from './access.ts'
import type { Live } from './live.ts'
import type { Settings } from './options.ts'
import { RequestProblem } from './request-problem.ts'
import type { Sampler } from './sampler.ts'
import type { SharedReads } from './shared-reads.ts'

/** What every route works on. */
export interface Dashboard {
  readonly queue: JobQueue
  readonly settings: Settings
  readonly sampler: Sampler
  /** Of what is costly to read. */
  readonly reads: SharedReads
  /** What streams watch. */
  readonly live: Live
  /** For "run a batch now"; `null` if there are no handlers. */
  readonly processor: Processor | null
}

/** One request of the API, after everything that could refuse it. */
export interface Call {
  readonly dashboard: Dashboard
  readonly access: Access
  /** For changes: they are noted under the name of who asks. */
  readonly queue: JobQueue
  /** What stands in the path in place of `:name`. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Empty for a request that does not change anything. */
  readonly body: Readonly<Record<string, unknown>>
  readonly basePath: string
  /** Aborts when who asks has gone, if the framework tells. */
  readonly signal: AbortSignal
}

/** What a parameter, or a field of a body, may be; a part of a JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>

export interface Route {
  readonly method: 'GET' | 'POST'
  /** Below `/api`. */
  readonly path: string
  /** One sentence, for the description of the API. */
  readonly summary: string
  readonly query?: Readonly<Record<string, Schema>>
  readonly body?: Readonly<Record<string, Schema>>
  /** Whether somebody limited to one tenant may not call it. */
  readonly isForWholeInstance?: boolean
  /** Whether a stream may watch it: what it reads is little, and what it answers small. */
  readonly isLive?: boolean
  /** Other than JSON. */
  readonly answers?: 'text/event-stream' | 'text/plain'
  /** @returns What is answered, as JSON unless it is a `Response`. */
  readonly handle: (call: Call) => Promise<unknown>
}

/** The route that a request means. */
export interface Match {
  readonly route: Route
  readonly params: Call['params']
}

/** @throws RequestProblem 400 */
export function idOf({ params }: Call): number {
  const text = params['id'] ?? ''
  const id = Number(text)
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(id)) return id
  throw new RequestProblem(400, 'ID_INVALID', 'Invalid job ID')
}

/** @throws RequestProblem 400 for a name that means nothing, since ignoring it would hide a mistake. */
export function checkKnown(body: Call['body'], names: Readonly<Record<string, Schema>>): Record<string, unknown> {
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(names, name))
  if (unknown === undefined) return { ...body }
  throw new RequestProblem(400, 'PARAMETER_INVALID', `\`${unknown.slice(0, 100)}\` is not known here.`)
}

/**
 * With `runAt` as the time it says.
 *
 * @throws RequestProblem 400
 */
export function timed(given: Record<string, unknown>): Record<string, unknown> {
  const { runAt } = given
  if (runAt === undefined || runAt === null) return given
  const date = typeof runAt === 'string' ? new Date(runAt) : new Date(Number.NaN)
  if (Number.isNaN(date.getTime())) throw new RequestProblem(400, 'PARAMETER_INVALID', '`runAt` is not a time.')
  return { ...given, runAt: date }
}

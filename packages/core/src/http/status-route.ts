import { checkInteger } from '../model/check.ts'
import type { JobRecord, JobStatus } from '../model/job.ts'
import type { JobQueue } from '../queue-api.ts'
import { eventStream } from './event-stream.ts'
import { JobFollower } from './job-follower.ts'

/** What a request for a job's status is answered, as JSON. */
export interface JobStatusAnswer {
  readonly id: number
  readonly jobType: string
  readonly status: JobStatus
  readonly progress: number | null
  readonly output: unknown
  /** When a failed job is tried again, as ISO 8601; `null` if its failure is final, or it has not failed. */
  readonly nextAttemptAt: string | null
  /** The message of the last error. */
  readonly error: string | null
}

/** What `createStatusRoute` takes besides the queue. */
export interface StatusRouteOptions<PayloadMap> {
  /** Whether who asks may see this job, such as by its tenant or payload. There is no default: a status can be private. */
  readonly authorize: (request: Request, job: JobRecord<PayloadMap>) => boolean | Promise<boolean>
  /** The job's id in the request. Default: the query parameter `id`, else the last part of the path. */
  readonly idOf?: (request: Request) => string | null
  /** Streams open at once, 0 to 10,000; one more is 503. Default 1000. */
  readonly maxStreams?: number
  /** Between two readings for streams, in milliseconds, 100 to 60,000: one statement for all jobs followed. Default 1000. */
  readonly intervalMs?: number
}

/**
 * A route that tells how a job stands, for clients such as `useJob` of `@millrace/react`. Asked for `text/event-stream`, as an
 * `EventSource` does, it sends that whenever it has changed, until the job has come to its end.
 *
 * @returns `(Request) => Promise<Response>`: `JobStatusAnswer`; 404 for a job that is not there or may not be seen, so that nobody
 *   learns which ids exist
 * @throws MillraceError `OPTION_INVALID`
 */
export function createStatusRoute<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  { authorize, idOf = idInUrl, maxStreams = 1000, intervalMs = 1000 }: StatusRouteOptions<PayloadMap>,
): (request: Request) => Promise<Response> {
  checkInteger('maxStreams', maxStreams, { min: 0, max: 10_000, remedy: 'Leave it out for 1000' })
  checkInteger('intervalMs', intervalMs, { min: 100, max: 60_000, remedy: 'Leave it out for 1000' })
  const follower = new JobFollower(queue, intervalMs)
  let streams = 0
  return async (request) => {
    if (request.method !== 'GET') return answer({ error: 'use GET' }, 405)
    const id = Number(idOf(request) ?? Number.NaN)
    const job = Number.isSafeInteger(id) && id > 0 ? await queue.getJob(id) : null
    if (job === null || !(await authorize(request, job))) return answer({ error: 'no such job' }, 404)
    if (request.headers.get('accept')?.includes('text/event-stream') !== true) return answer(statusOf(job))
    if (streams >= maxStreams) return answer({ error: 'too many streams' }, 503)
    return eventStream({
      signal: request.signal,
      open(send, end) {
        streams += 1
        const stop = followJob(follower, job, (status) => {
          send(status)
          if (status === null || isFinal(status)) end()
        })
        return () => {
          streams -= 1
          stop()
        }
      },
    })
  }
}

/** Tells how a job stands, then whenever that has changed. */
function followJob<PayloadMap>(
  follower: JobFollower<PayloadMap>,
  job: JobRecord<PayloadMap>,
  tell: (status: JobStatusAnswer | null) => void,
): () => void {
  let told = ''
  const show = (now: JobRecord<PayloadMap> | null): void => {
    const status = now === null ? null : statusOf(now)
    const text = JSON.stringify(status)
    if (text === told) return
    told = text
    tell(status)
  }
  const stop = follower.follow(job.id, show)
  show(job)
  return stop
}

function isFinal({ status, nextAttemptAt }: JobStatusAnswer): boolean {
  return status === 'completed' || status === 'cancelled' || (status === 'failed' && nextAttemptAt === null)
}

function statusOf<PayloadMap>(job: JobRecord<PayloadMap>): JobStatusAnswer {
  return {
    id: job.id,
    jobType: String(job.jobType),
    status: job.status,
    progress: job.progress,
    output: job.output,
    nextAttemptAt: job.nextAttemptAt?.toISOString() ?? null,
    error: job.errorHistory.at(-1)?.message ?? null,
  }
}

function idInUrl(request: Request): string | null {
  const url = new URL(request.url)
  return url.searchParams.get('id') ?? url.pathname.split('/').at(-1) ?? null
}

function answer(body: object, status = 200): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } })
}

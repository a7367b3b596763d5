import type { JobRecord, JobStatus } from '../model/job.ts'
import type { JobQueue } from '../queue-api.ts'

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

export interface StatusRouteOptions<PayloadMap> {
  /** Whether who asks may see this job, such as by its tenant or payload. There is no default: a status can be private. */
  readonly authorize: (request: Request, job: JobRecord<PayloadMap>) => boolean | Promise<boolean>
  /** The job's id in the request. Default: the query parameter `id`, else the last part of the path. */
  readonly idOf?: (request: Request) => string | null
}

/**
 * A route that tells how a job stands, for clients such as `useJob` of `@millrace/react`.
 *
 * @returns `(Request) => Promise<Response>`: `JobStatusAnswer`; 404 for a job that is not there or may not be seen, so that nobody
 *   learns which ids exist
 */
export function createStatusRoute<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  { authorize, idOf = idInUrl }: StatusRouteOptions<PayloadMap>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET') return answer({ error: 'use GET' }, 405)
    const id = Number(idOf(request) ?? Number.NaN)
    const job = Number.isSafeInteger(id) && id > 0 ? await queue.getJob(id) : null
    if (job === null || !(await authorize(request, job))) return answer({ error: 'no such job' }, 404)
    return answer(statusOf(job))
  }
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

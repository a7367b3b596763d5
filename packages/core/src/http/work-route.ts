import { systemClock } from '../model/clock.ts'
import { checkInteger } from '../model/check.ts'
import { toError } from '../model/error-record.ts'
import type { ProcessorOptions } from '../processor/processor.ts'
import type { JobQueue, ProcessorHandlers } from '../queue-api.ts'
import { authorizeBearer } from './authorize.ts'
import type { Authorize } from './authorize.ts'

/** What `createWorkRoute` takes besides the queue. */
export interface WorkRouteOptions<PayloadMap> {
  /** Default: the handlers of `defineJobs`. */
  readonly handlers?: ProcessorHandlers<PayloadMap>
  readonly processor?: ProcessorOptions
  /** How long one request works, in milliseconds, 100 to 3,600,000. Below what the platform allows. Default 50,000. */
  readonly budgetMs?: number
  /** Of that, what handlers still running at the end get to stop, in milliseconds. Default 2000. */
  readonly graceMs?: number
  /** Who may start work. Default: `authorizeBearer(process.env.CRON_SECRET)`. */
  readonly authorize?: Authorize
}

/** What a request to work is answered, as JSON. */
export interface WorkRouteAnswer {
  /** Jobs handled. */
  readonly processed: number
  /** Whether nothing more was ready; else the time was up. */
  readonly isDone: boolean
  /** What kept it from working, such as a database that cannot be reached; the status is 503 then. */
  readonly error?: string
}

/**
 * A route that adds the jobs of due schedules, and works on the queue until nothing is ready or its time is up, for platforms
 * without long-lived processes: call it from the platform's scheduler. Handlers that still run at the end are told by their signal and handed back without using up an
 * attempt, before the platform stops the function.
 *
 * @returns `(Request) => Promise<Response>`: 401 for who may not, 405 but for GET and POST, else `WorkRouteAnswer`
 * @throws MillraceError `OPTION_INVALID`
 */
export function createWorkRoute<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  options: WorkRouteOptions<PayloadMap> = {},
): (request: Request) => Promise<Response> {
  const { budgetMs = 50_000, graceMs = 2000 } = options
  checkInteger('budgetMs', budgetMs, { min: 100, max: 3_600_000, remedy: 'Set it below the limit of the platform' })
  checkInteger('graceMs', graceMs, { min: 0, max: budgetMs, remedy: 'Set it below `budgetMs`' })
  const authorize = options.authorize ?? authorizeBearer(process.env['CRON_SECRET'])
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'POST') return answer({ error: 'use GET or POST' }, 405)
    if (!(await authorize(request))) return answer({ error: 'not allowed' }, 401)
    const done = await work(queue, options, { budgetMs, graceMs })
    return answer(done, done.error === undefined ? 200 : 503)
  }
}

async function work<PayloadMap>(
  queue: JobQueue<PayloadMap>,
  { handlers, processor: given }: WorkRouteOptions<PayloadMap>,
  { budgetMs, graceMs }: { readonly budgetMs: number; readonly graceMs: number },
): Promise<WorkRouteAnswer> {
  // No thread: a function that the platform freezes between requests should not keep one.
  const errors: Error[] = []
  const onError = (error: Error): void => {
    errors.push(error)
    given?.onError?.(error)
  }
  const processor = queue.createProcessor(handlers, { heartbeat: 'main', ...given, onError })
  const ended: { processed: number; isDone: boolean } = { processed: 0, isDone: false }
  let isUp = false
  const run = async (): Promise<void> => {
    // A processor that works in the background does it by itself; here there may be nobody else.
    if (given?.fireSchedules !== false)
      await queue.enqueueDueCronJobs().catch((error: unknown) => onError(toError(error)))
    while (!isUp) {
      const handled = await processor.start()
      ended.processed += handled
      if (handled === 0) {
        ended.isDone = errors.length === 0
        return
      }
    }
  }
  const running = run()
  await Promise.race([
    running,
    new Promise<void>((resolve) => {
      const timer = systemClock.after(budgetMs - graceMs, resolve)
      void running.finally(() => timer.cancel())
    }),
  ])
  isUp = true
  await processor.stopAndDrain(Math.max(1, graceMs / 2))
  const [error] = errors
  return { ...ended, ...(error !== undefined && !ended.isDone && ended.processed === 0 && { error: error.message }) }
}

function answer(body: object, status = 200): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } })
}

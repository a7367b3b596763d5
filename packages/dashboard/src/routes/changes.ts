import type { ChangeResult, EditJobOptions, JobOptions, JobRecord } from 'millrace'
import { checkKnown, timed, type Call, type Route, type Schema } from '../call.ts'
import { FILTER_PARAMETERS, filtersOf, numberOf } from '../filters.ts'
import { isPlain } from '../plain.ts'
import { REDACTED, restore } from '../redact.ts'
import { RequestProblem } from '../request-problem.ts'
import { jobOf } from './jobs.ts'

const MAX_REDRIVE = 1000

const TIME: Schema = { type: ['string', 'null'], format: 'date-time', description: '`null`: now.' }
const EDITABLE: Readonly<Record<string, Schema>> = {
  payload: {},
  priority: { type: 'integer' },
  runAt: TIME,
  maxAttempts: { type: 'integer', minimum: 1 },
  timeoutMs: { type: ['integer', 'null'] },
  tags: { type: ['array', 'null'], items: { type: 'string' } },
  retryDelay: { type: ['number', 'null'] },
  retryBackoff: { type: ['boolean', 'null'] },
  retryDelayMax: { type: ['number', 'null'] },
  deadLetterJobType: { type: ['string', 'null'] },
}
const NEW: Readonly<Record<string, Schema>> = {
  ...EDITABLE,
  jobType: { type: 'string' },
  idempotencyKey: { type: 'string' },
  group: { type: 'object', properties: { id: { type: 'string' } } },
  queue: { type: 'string' },
  tenantId: { type: 'string' },
}
const { status: _status, final: _final, q: _q, ...DEAD_FILTERS } = FILTER_PARAMETERS

/** The routes that change jobs. */
export const changeRoutes: readonly Route[] = [
  { method: 'POST', path: '/jobs', summary: 'Adds a job.', body: NEW, handle: addJob },
  {
    method: 'POST',
    path: '/jobs/:id/cancel',
    summary: 'Cancels a job that is not finished; one that runs is asked to stop.',
    async handle(call) {
      const { id } = await jobOf(call)
      return told(await call.queue.cancelJob(id, { result: true }), 'It is finished already.')
    },
  },
  {
    method: 'POST',
    path: '/jobs/:id/retry',
    summary: 'Makes a failed or cancelled job pending again; a running one is taken from its worker.',
    async handle(call) {
      const { id } = await jobOf(call)
      return told(await call.queue.retryJob(id, { result: true }), 'It has neither failed nor been cancelled.')
    },
  },
  {
    method: 'POST',
    path: '/jobs/:id/run-now',
    summary: 'Makes a job due that waits for its time, or for its next attempt.',
    async handle(call) {
      const { id } = await jobOf(call)
      return told(await call.queue.editJob(id, { runAt: null }, { result: true }), NOT_EDITABLE)
    },
  },
  {
    method: 'POST',
    path: '/jobs/:id/edit',
    summary: 'Changes a job that has not started, or is between two attempts.',
    body: EDITABLE,
    async handle(call) {
      const job = await jobOf(call)
      const updates = timed(checkKnown(call.body, EDITABLE))
      if ('payload' in updates) updates['payload'] = payloadFor(job, updates['payload'], call)
      if (Object.keys(updates).length === 0) throw new RequestProblem(400, 'NOTHING_GIVEN', 'Give what to change.')
      const edited: EditJobOptions = updates
      return told(await call.queue.editJob(job.id, edited, { result: true }), NOT_EDITABLE)
    },
  },
  {
    method: 'POST',
    path: '/redrive',
    summary: `Makes dead letters pending again, oldest first, at most ${MAX_REDRIVE}; with \`dryRun\` it only counts them.`,
    body: {
      ...DEAD_FILTERS,
      limit: { type: 'integer', minimum: 1, maximum: MAX_REDRIVE },
      dryRun: { type: 'boolean' },
    },
    handle: redrive,
  },
  {
    method: 'POST',
    path: '/process',
    summary: 'Runs one batch of jobs in the request, if the dashboard has handlers.',
    isForWholeInstance: true,
    async handle({ dashboard: { processor } }) {
      if (processor === null) throw new RequestProblem(404, 'NO_HANDLERS', 'The dashboard was given no handlers.')
      return { processed: await processor.start() }
    },
  },
]

const NOT_EDITABLE = 'Only a job that waits to start, or between two attempts, can be changed.'

function told(result: ChangeResult, unchanged: string): { readonly ok: true; readonly result: ChangeResult } {
  switch (result) {
    case 'changed':
    case 'requested':
      return { ok: true, result }
    case 'not_found':
      throw new RequestProblem(404, 'NOT_FOUND', 'There is no such job.')
    case 'unchanged':
      throw new RequestProblem(409, 'NOT_CHANGED', unchanged)
    default: {
      const never: never = result
      throw new TypeError(`unknown result ${String(never)}`)
    }
  }
}

async function addJob({ queue, access, body }: Call): Promise<{ readonly id: number }> {
  const given = timed(checkKnown(body, NEW))
  const { jobType } = given
  if (typeof jobType !== 'string' || jobType === '')
    throw new RequestProblem(400, 'PARAMETER_INVALID', '`jobType` is missing.')
  const { tenantId } = access
  if (tenantId !== null && given['tenantId'] !== undefined && given['tenantId'] !== tenantId)
    throw new RequestProblem(400, 'PARAMETER_INVALID', '`tenantId` cannot be another one than yours.')
  // A key is unique within its tenant; what else it may be is checked where every job is.
  const job: JobOptions = { payload: null, ...given, jobType, ...(tenantId !== null && { tenantId }) }
  return { id: await queue.addJob(job) }
}

/** What a redacted, hence incomplete, payload was edited to, completed. */
function payloadFor(job: JobRecord, edited: unknown, { dashboard }: Call): unknown {
  if (!isPlain(job.payload))
    throw new RequestProblem(409, 'PAYLOAD_NOT_JSON', 'Its payload holds values that JSON has no word for.')
  const restored = restore(edited, job.payload, dashboard.settings.redact)
  if (restored !== null) return restored.value
  const message = `\`${REDACTED}\` may stand only where it stood: it keeps the value that was there.`
  throw new RequestProblem(400, 'REDACTED_MOVED', message)
}

async function redrive({ queue, access, body }: Call): Promise<object> {
  const { limit: givenLimit, dryRun = false, ...rest } = checkKnown(body, { ...DEAD_FILTERS, limit: {}, dryRun: {} })
  if (typeof dryRun !== 'boolean') throw new RequestProblem(400, 'PARAMETER_INVALID', '`dryRun` is true or false.')
  const limit = numberOf('limit', givenLimit, { min: 1, max: MAX_REDRIVE, or: MAX_REDRIVE })
  const filters = filtersOf((name) => rest[name], access)
  if (!dryRun) {
    const ids = await queue.redrive(filters, { limit })
    return { count: ids.length, ids }
  }
  const found = await queue.getJobs({ ...filters, status: 'failed', final: true }, limit + 1)
  return { count: Math.min(found.length, limit), hasMore: found.length > limit }
}

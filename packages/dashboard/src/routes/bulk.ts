import type { EditJobOptions, JobFilters } from 'millrace'
import { checkKnown, timed, type Call, type Route, type Schema } from '../call.ts'
import { FILTER_PARAMETERS, filtersOf, numberOf } from '../filters.ts'
import { RequestProblem } from '../request-problem.ts'
import type { BulkAnswer, BulkCount } from '../wire.ts'

/** A dry run counts to here. */
const COUNTED_TO = 10_000
/** A few hundred milliseconds of work: whoever asks can tell how far it is, and stop. */
const CHUNK = 500
const RETRIES_AT_ONCE = 8
const RETRY_CHUNK = 100

const ACTIONS = ['cancel', 'retry', 'edit'] as const
type Action = (typeof ACTIONS)[number]

const BODY: Readonly<Record<string, Schema>> = {
  ...FILTER_PARAMETERS,
  action: {
    enum: ACTIONS,
    description: 'What to do: `cancel` and `edit` pending jobs, `retry` failed and cancelled ones.',
  },
  dryRun: { type: 'boolean', description: `Only counts, to ${COUNTED_TO}.` },
  cursor: { type: 'integer', minimum: 1, description: '`nextCursor` of the call before.' },
  changes: {
    type: 'object',
    description: 'Of `edit`.',
    properties: { priority: { type: 'integer' }, runAt: { type: ['string', 'null'], format: 'date-time' } },
  },
}

/** What can be done with all jobs that match. */
export const bulkRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/bulk',
    summary: `Changes jobs by filter, newest first, at most ${CHUNK} a call; call again with \`nextCursor\` until it is null.`,
    body: BODY,
    handle: bulk,
  },
]

async function bulk(call: Call): Promise<BulkAnswer | BulkCount> {
  const { dashboard, access, body } = call
  const { action: named, dryRun = false, cursor: from, changes, ...rest } = checkKnown(body, BODY)
  const action = ACTIONS.find((known) => known === named)
  if (action === undefined) throw invalid(`\`action\` is one of ${ACTIONS.join(', ')}.`)
  if (typeof dryRun !== 'boolean') throw invalid('`dryRun` is true or false.')
  const cursor = numberOf('cursor', from, { min: 1, max: Number.MAX_SAFE_INTEGER, or: 0 })
  const filters = narrowed(
    action,
    filtersOf((name) => rest[name], access),
  )
  const edits = action === 'edit' ? editsOf(changes) : {}
  if (filters === null) return dryRun ? { count: 0, hasMore: false } : { changed: 0, seen: 0, nextCursor: null }
  if (dryRun) {
    const ids = await dashboard.queue.getJobIds(filters, COUNTED_TO)
    return { count: ids.length, hasMore: ids.length === COUNTED_TO }
  }
  const size = action === 'retry' ? RETRY_CHUNK : CHUNK
  const ids = await dashboard.queue.getJobIds({ ...filters, ...(cursor > 0 && { cursor }) }, size)
  const changed = ids.length === 0 ? 0 : await change(call, action, { ids, edits })
  dashboard.reads.clear()
  return { changed, seen: ids.length, nextCursor: ids.length < size ? null : (ids.at(-1) ?? null) }
}

/** To the states that an action is for; `null`: none of those that were asked for is one. */
function narrowed(action: Action, filters: JobFilters): JobFilters | null {
  const possible = action === 'retry' ? (['failed', 'cancelled'] as const) : (['pending'] as const)
  const asked = filters.status === undefined ? [] : [filters.status].flat()
  const status = asked.length === 0 ? possible.slice(0, 1) : possible.filter((one) => asked.includes(one))
  return status.length === 0 ? null : { ...filters, status }
}

function editsOf(changes: unknown): EditJobOptions {
  const given = typeof changes === 'object' && changes !== null ? { ...changes } : {}
  const edits = timed(checkKnown(given, { priority: {}, runAt: {} }))
  if (Object.keys(edits).length === 0) throw invalid('Give `changes`: a priority, a time, or both.')
  return edits
}

async function change(
  { queue }: Call,
  action: Action,
  { ids, edits }: { readonly ids: readonly number[]; readonly edits: EditJobOptions },
): Promise<number> {
  switch (action) {
    case 'cancel':
      return queue.cancelAllUpcomingJobs({ ids })
    case 'edit':
      return queue.editAllPendingJobs({ ids }, edits)
    case 'retry': {
      const left = [...ids]
      let changed = 0
      const work = async (): Promise<void> => {
        for (let id = left.shift(); id !== undefined; id = left.shift())
          if ((await queue.retryJob(id, { result: true })) === 'changed') changed += 1
      }
      await Promise.all(Array.from({ length: RETRIES_AT_ONCE }, work))
      return changed
    }
    default: {
      const never: never = action
      throw new TypeError(`unknown action ${String(never)}`)
    }
  }
}

function invalid(message: string): RequestProblem {
  return new RequestProblem(400, 'PARAMETER_INVALID', message)
}

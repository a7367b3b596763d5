import type { FailureGroup, FailureSurvey } from 'millrace'
import type { Call, Route } from '../call.ts'
import { textOf } from '../filters.ts'
import { notFound } from '../locate.ts'
import { jobRow } from '../show.ts'
import type { ErrorDetail, ErrorGroupRow, ErrorList } from '../wire.ts'

/** How many of the latest failures are grouped. */
const READ = 2000
const SHOWN_JOBS = 20

/** The routes about failures, by what caused them. */
export const errorRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/errors',
    summary: `The latest ${READ} failures, grouped by type, message and place in the code.`,
    query: { jobType: { type: 'string', minLength: 1, maxLength: 255 } },
    isLive: true,
    async handle(call): Promise<ErrorList> {
      const { groups, read, hasMore } = await failuresOf(call, textOf('jobType', call.query.get('jobType') ?? ''))
      return { groups: groups.map(errorGroupRow), read, hasMore }
    },
  },
  {
    method: 'GET',
    path: '/errors/:fingerprint',
    summary: 'One cause of failures, with the latest jobs that it hit.',
    isLive: true,
    async handle(call): Promise<ErrorDetail> {
      const group = await groupOf(call)
      const jobs = await call.dashboard.queue.getJobs(
        { ...tenantOf(call), ids: group.jobIds.slice(0, SHOWN_JOBS) },
        SHOWN_JOBS,
      )
      const newest = jobs.toSorted(
        (one, other) => (other.lastFailedAt?.getTime() ?? 0) - (one.lastFailedAt?.getTime() ?? 0),
      )
      return {
        group: errorGroupRow(group),
        error: newest[0]?.errorHistory.at(-1) ?? null,
        jobs: newest.map(jobRow),
      }
    },
  },
  {
    method: 'POST',
    path: '/errors/:fingerprint/redrive',
    summary:
      'Makes the dead letters of one cause pending again, at most 1000 a call; call again while `left` is not 0.',
    async handle(call) {
      const { reads } = call.dashboard
      reads.clear()
      const group = await groupOf(call)
      const ids = group.finalJobIds
      const changed = ids.length === 0 ? [] : await call.queue.redrive({ ...tenantOf(call), ids })
      reads.clear()
      return { changed: changed.length, left: changed.length === 0 ? 0 : group.final - ids.length }
    },
  },
]

async function failuresOf({ dashboard, access }: Call, jobType: string): Promise<FailureSurvey> {
  const { tenantId } = access
  return dashboard.reads.read(JSON.stringify(['errors', tenantId, jobType]), () =>
    dashboard.queue.getFailureGroups({
      limit: READ,
      ...(tenantId !== null && { tenantId }),
      ...(jobType !== '' && { jobType }),
    }),
  )
}

async function groupOf(call: Call): Promise<FailureGroup> {
  const { groups } = await failuresOf(call, '')
  const group = groups.find(({ fingerprint }) => fingerprint === call.params['fingerprint'])
  if (group === undefined) throw notFound('Nothing has failed like this lately.')
  return group
}

function tenantOf({ access: { tenantId } }: Call): { readonly tenantId?: string } {
  return tenantId === null ? {} : { tenantId }
}

function errorGroupRow({ jobIds, finalJobIds, firstAt, lastAt, ...group }: FailureGroup): ErrorGroupRow {
  return {
    ...group,
    message: group.message.slice(0, 1000),
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
    latestJobId: jobIds[0] ?? null,
    canRedrive: finalJobIds.length > 0,
  }
}
